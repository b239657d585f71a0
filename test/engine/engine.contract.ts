import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { PrefixSlotCache } from '../../src/kvcache/prefix-slot-cache.ts'
import type { BatchEntry, Engine, Sampled, SamplingParams, SlotStorage } from '../../src/protocol/engine.ts'
import { draw } from '../support/drawn.ts'
import { random } from '../support/random.ts'
import { expectSame, GAP, sampledOf, smallestLead, toldBy } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
import { drain, greedy } from '../support/workload.ts'

/** What any engine must do. It is given one engine of at least 4 slots, 64 tokens of context and 16 tokens a batch. */
export function engineContract(engineOf: () => Engine & SlotStorage): void {
  const prompt = Array.from({ length: 24 }, (_, i) => 40 + ((i * 7) % 50))
  const entry = (more: Partial<BatchEntry> & Pick<BatchEntry, 'slot' | 'start' | 'tokens'>): BatchEntry => ({
    id: `s${more.slot}`,
    sample: greedy,
    history: [...prompt.slice(0, more.start), ...more.tokens],
    promptLength: more.start + more.tokens.length,
    ...more,
  })
  const first = async (entries: BatchEntry[]) => (await draw(engineOf(), entries))[0]
  const step = async (one: BatchEntry): Promise<Sampled> => sampledOf((await engineOf().step([one]))[0])
  /** What is drawn however it is computed: a prompt of which the best two tokens tie is no use here. */
  const sure = async (only: BatchEntry): Promise<number> => {
    const told = await step({ ...only, scoring: { top: 2, following: [] } })
    const [token] = told.tokens
    // An engine that is simulated draws any.
    if (told.logprobs[0]?.top[0]?.[0] === token) expect(smallestLead(told)).toBeGreaterThan(2 * GAP)
    return Number(token)
  }

  it('an engine samples the same token for a prompt in one pass as in chunks', async () => {
    const engine = engineOf()
    await engine.step([entry({ slot: 0, start: 0, tokens: prompt.slice(0, 10), sample: undefined })])
    await engine.step([entry({ slot: 0, start: 10, tokens: prompt.slice(10, 20), sample: undefined })])
    const chunked = await sure(entry({ slot: 0, start: 20, tokens: prompt.slice(20) }))
    const other = await first([entry({ slot: 1, start: 0, tokens: prompt.slice(0, 12), sample: undefined })])
    expect(other).toBeUndefined()
    expect(await first([entry({ slot: 1, start: 12, tokens: prompt.slice(12) })])).toBe(chunked)
  })

  it('an engine forgets the cells of a slot at and after `start`', async () => {
    const fresh = await sure(entry({ slot: 0, start: 0, tokens: prompt.slice(0, 12) }))
    await engineOf().step([entry({ slot: 1, start: 0, tokens: [...prompt.slice(0, 6), 90, 91, 92, 93] })])
    expect(await first([entry({ slot: 1, start: 6, tokens: prompt.slice(6, 12) })])).toBe(fresh)
  })

  it('an engine copies a prefix from another slot before the pass, and no more than that', async () => {
    const engine = engineOf()
    const fresh = await sure(entry({ slot: 2, start: 0, tokens: prompt.slice(0, 12) }))
    await engine.step([entry({ slot: 0, start: 0, tokens: prompt.slice(0, 8), sample: undefined })])
    await engine.step([entry({ slot: 1, start: 0, tokens: [90, 91, 92], sample: undefined })])
    const [went, copied, again] = await draw(engine, [
      entry({ slot: 0, start: 8, tokens: prompt.slice(8, 12) }),
      entry({ slot: 1, start: 6, tokens: prompt.slice(6, 12), copyFrom: 0 }),
      entry({ slot: 3, start: 8, tokens: prompt.slice(8, 12), copyFrom: 0 }),
    ])
    expect([went, copied, again]).toEqual([fresh, fresh, fresh])
  })

  it('an engine saves a slot and loads it into another, and refuses a file of other tokens', async () => {
    const engine = engineOf()
    const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
    const [held, rest] = [prompt.slice(0, 8), prompt.slice(8, 12)]
    try {
      await engine.step([entry({ slot: 0, start: 0, tokens: held, sample: undefined })])
      // Guesses that were wrong lie behind what is saved.
      const last = entry({ slot: 0, start: 7, tokens: prompt.slice(7, 8), draft: [91, 92, 93] })
      expect((await step(last)).tokens).toHaveLength(1)
      expect(await engine.save(0, join(folder, 'a'), held)).toBe(statSync(join(folder, 'a')).size)
      const fresh = await sure(entry({ slot: 0, start: 8, tokens: rest }))
      await engine.step([entry({ slot: 1, start: 0, tokens: [90, 91, 92], sample: undefined })])
      await engine.load(1, join(folder, 'a'), held)
      expect(await first([entry({ slot: 1, start: 8, tokens: rest })])).toBe(fresh)
      await engine.load(2, join(folder, 'a'), held)
      expect(await first([entry({ slot: 2, start: 6, tokens: prompt.slice(6, 12) })])).toBe(fresh)
      await expect(engine.load(1, join(folder, 'a'), prompt.slice(1, 9))).rejects.toThrow()
      await expect(engine.load(1, join(folder, 'none'), held)).rejects.toThrow()
      truncateSync(join(folder, 'a'), 20)
      await expect(engine.load(1, join(folder, 'a'), held)).rejects.toThrow()
      // The slot is empty now, and works.
      expect(await first([entry({ slot: 1, start: 0, tokens: prompt.slice(0, 12) })])).toBe(fresh)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('an engine accepts the correct beginning of a draft, and forgets the rest', async () => {
    const start = prompt.slice(0, 8)
    const plain: number[] = []
    for (let step = 0; step < 6; step++) {
      const history = [...start, ...plain]
      const tokens = step === 0 ? start : history.slice(-1)
      plain.push(await sure(entry({ slot: 0, start: history.length - tokens.length, tokens, history })))
    }
    const wrong = (plain[3] ?? 0) + 1
    const drafts = [plain.slice(0, 3), [...plain.slice(0, 3), wrong, 7], [wrong + 1], plain.slice(0, 4)]
    for (const [index, draft] of drafts.entries()) {
      const right = index === 3 ? 4 : index === 2 ? 0 : 3
      const { tokens } = await step(entry({ slot: 1, start: 0, tokens: start, draft }))
      expect(tokens).toEqual(plain.slice(0, right + 1))
      // What was wrong is gone: the next token is right.
      const done = [...start, ...plain.slice(0, right + 1)]
      const next = entry({ slot: 1, start: done.length - 1, tokens: done.slice(-1), history: done })
      expect(await first([next])).toBe(plain[right + 1])
    }
  })

  it('an engine scores following and sampled tokens the same in any chunks, and samples the same', async () => {
    const drawn = await sure(entry({ slot: 0, start: 0, tokens: prompt.slice(0, 12) }))
    const scores = async (slot: number, cuts: readonly number[]): Promise<number[]> => {
      const told: number[] = []
      for (const [index, end] of cuts.entries()) {
        const start = cuts[index - 1] ?? 0
        const following = prompt.slice(start + 1, Math.min(end + 1, 12))
        const sample = end === 12 ? greedy : undefined
        const tokens = prompt.slice(start, end)
        const scoring = { top: 3, following }
        const result = await step(entry({ slot, start, tokens, sample, scoring }))
        expect(result.tokens).toEqual(end === 12 ? [drawn] : [])
        for (const { logprob, top } of [...result.following, ...result.logprobs]) {
          expect(top.map(([, its]) => its)).toEqual(top.map(([, its]) => its).toSorted((a, b) => b - a))
          expect(top).toHaveLength(3)
          told.push(logprob)
        }
      }
      return told
    }
    const whole = await scores(1, [12])
    expect(whole).toHaveLength(12)
    for (const [index, logprob] of (await scores(2, [1, 6, 11, 12])).entries())
      expect(Math.abs(logprob - (whole[index] ?? Number.NaN))).toBeLessThan(GAP)
  })

  it('an entry that leaves a gap or its context fails alone', async () => {
    const engine = engineOf()
    const good = await sure(entry({ slot: 2, start: 0, tokens: prompt.slice(0, 4) }))
    const results = await draw(engine, [
      entry({ slot: 2, start: 0, tokens: prompt.slice(0, 4) }),
      entry({ slot: 3, start: 999_999, tokens: [5] }),
    ]).catch((error: unknown) => error)
    // An engine may fail the entry or, being a judge, the whole step; it never goes on in silence.
    if (results instanceof Error) return
    expect((results as unknown[])[0]).toBe(good)
    expect((results as unknown[])[1]).toBeInstanceOf(Error)
  })

  it.each([
    ['a prefix cache', (n: number) => new PrefixSlotCache(n)],
    ['no prefix cache', (n: number) => new NoPrefixSlotCache(n)],
  ])('a batch gives each sequence the tokens that it gets alone, with %s', async (_name, cacheOf) => {
    const engine = engineOf()
    const below = random(11)
    const params = Array.from({ length: 8 }, (_, id) => ({
      id: `c${id}`,
      prompt: [...prompt.slice(0, below(20)), 60 + below(20)],
      maxTokens: 1 + below(8),
      stopTokens: [],
      sampling: greedy,
    }))
    const logprobs = { top: 5, prompt: false }
    // Every second one as most are: nothing is told of it.
    const together = params.map((p, index) => sequenceOf(index % 2 === 0 ? p : { ...p, logprobs }))
    await drain(together, engine, cacheOf(engine.limits.slots), random(3))
    const alone = params.map((p) => sequenceOf({ ...p, id: `a${p.id}`, logprobs }))
    for (const one of alone) await drain([one], engine, new NoPrefixSlotCache(1))
    expectSame(together.map(toldBy), alone.map(toldBy))
  })

  it('an engine samples by seed and position: the same tokens again, and others for another seed', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const sampling: SamplingParams = { ...greedy, temperature: 2, seed }
      const one = sequenceOf({
        id: `seed${seed}`,
        prompt: prompt.slice(0, 8),
        maxTokens: 12,
        stopTokens: [],
        sampling,
      })
      await drain([one], engineOf(), new NoPrefixSlotCache(1))
      return one.tokens
    }
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
  })
}
