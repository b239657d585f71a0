import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LlamaAdapters } from '../../src/engine/llama/adapters.ts'
import { loadModel, type NativeContext, openAddon } from '../../src/engine/llama/addon.ts'
import { LlamaEngine } from '../../src/engine/llama/engine.ts'
import { GrammarCache } from '../../src/engine/llama/grammar.ts'
import { LogprobReader } from '../../src/engine/llama/logprobs.ts'
import { type NativeHandles, probeNative } from '../../src/engine/llama/native.ts'
import { Utf8Guard } from '../../src/engine/llama/utf8-guard.ts'
import { readGguf } from '../../src/models/gguf/gguf.ts'
import type { BatchEntry, Sampled } from '../../src/protocol/engine.ts'
import type { TokenLogprob } from '../../src/text/token-logprob.ts'
import { draw } from '../support/drawn.ts'
import { GAP, sampledOf, smallestLead } from '../support/same-text.ts'
import { greedy } from '../support/workload.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const limits = { slots: 2, contextSize: 128, batchTokens: 64 }
let engine: LlamaEngine
/** Of the last pass: all logits of each row that has any, by token, in the order of the rows. */
let logits: Float64Array[] = []

/** Reads every logit of every row before anything is sampled: the reference, of which the engine knows nothing. */
function reading(native: NativeHandles, size: number): NativeContext {
  const sampler = native.newSampler()
  sampler.applyConfig({ temperature: 0 })
  let rows: number[] = []
  const { context } = native
  const overrides: Partial<NativeContext> = {
    initBatch: (tokens) => {
      rows = []
      context.initBatch(tokens)
    },
    addToBatch: (...args) => {
      const added = context.addToBatch(...args)
      rows.push(...added)
      return added
    },
    decodeBatch: async () => {
      await context.decodeBatch()
      logits = []
      for (const row of rows) logits.push(await rawLogits(context, row, sampler, size))
    },
  }
  return new Proxy(context, {
    get: (target, name) => {
      const key = name as keyof NativeContext
      return overrides[key] ?? target[key].bind(target)
    },
  })
}

/** node-llama-cpp: with `true` for the logits it tells all of them, in pairs of token and logit. */
async function rawLogits(
  context: NativeContext,
  row: number,
  sampler: unknown,
  size: number,
): Promise<Float64Array> {
  const source = context as unknown as {
    sampleToken(row: number, sampler: unknown, p: false, c: false, logits: true): Promise<unknown[]>
  }
  const pairs = (await source.sampleToken(row, sampler, false, false, true))[3] as number[]
  expect(pairs).toHaveLength(2 * size)
  const all = new Float64Array(size)
  for (let at = 0; at < pairs.length; at += 2) all[pairs[at] ?? -1] = pairs[at + 1] ?? Number.NaN
  return all
}

beforeAll(async () => {
  const addon = await openAddon(false)
  const model = await loadModel(addon, modelPath, {})
  const { slots, contextSize, batchTokens } = limits
  const context = new addon.AddonContext(model, {
    contextSize: slots * contextSize,
    batchSize: batchTokens,
    sequences: slots,
    threads: 1,
  })
  await context.init()
  const native = probeNative(addon, model, context)
  const size = (await readGguf(modelPath)).vocabularySize
  const watched = reading(native, size)
  engine = new LlamaEngine({
    limits,
    context: watched,
    newSampler: native.newSampler,
    grammars: new GrammarCache(native.newGrammar),
    logprobs: new LogprobReader(native),
    adapters: new LlamaAdapters(watched, native.loadAdapter),
    utf8: new Utf8Guard(size, native.textOf, native.bytesOf),
    vocabulary: size,
    threads: 1,
    streamThreads: () => 1,
    inOrder: false,
    // In this order, as the server does: disposing of all at once hangs now and then (node-llama-cpp 3.22.1).
    close: async () => {
      await context.dispose()
      await model.dispose()
      await addon.dispose()
    },
  })
})
afterAll(() => engine.close())
beforeEach(() => {
  logits = []
})

/** Most probable first: the softmax of one row, in double precision. */
function reference(row: number): { of: (token: number) => number; best: number[] } {
  const values = [...(logits[row] ?? [])]
  const most = Math.max(...values)
  const all = most + Math.log(values.reduce((sum, logit) => sum + Math.exp(logit - most), 0))
  const logprobs = values.map((logit) => logit - all)
  return {
    of: (token) => logprobs[token] ?? Number.NaN,
    best: logprobs.toSorted((a, b) => b - a),
  }
}

function expectExact(told: TokenLogprob | undefined, token: number | undefined, row: number, top: number) {
  const { of, best } = reference(row)
  expect(Math.abs((told?.logprob ?? Number.NaN) - of(token ?? -1))).toBeLessThan(1e-3)
  expect(told?.top).toHaveLength(top)
  for (const [rank, [other, logprob]] of (told?.top ?? []).entries()) {
    expect(Math.abs(logprob - of(other))).toBeLessThan(1e-3)
    expect(Math.abs(logprob - (best[rank] ?? Number.NaN))).toBeLessThan(1e-3)
  }
  expect(new Set(told?.top.map(([other]) => other)).size).toBe(top)
}

const prompt = Array.from({ length: 24 }, (_, i) => 40 + ((i * 7) % 50))
const entry = (more: Partial<BatchEntry>): BatchEntry => ({
  id: `x${more.slot ?? 0}`,
  slot: 0,
  start: 0,
  tokens: prompt,
  sample: greedy,
  history: prompt,
  promptLength: prompt.length,
  ...more,
})

async function scored(more: Partial<BatchEntry>): Promise<Sampled> {
  return sampledOf((await engine.step([entry(more)]))[0])
}

describe('log probabilities, next to the softmax of all raw logits', () => {
  const anything = 'root ::= [a-z]+'
  it.each([
    ['greedy', {}],
    ['a temperature, top_k, top_p and min_p', { temperature: 1.7, topK: 3, topP: 0.5, minP: 0.2, seed: 3 }],
    ['a bias that decides', { logitBias: [[77, 1000] as const] }],
    ['penalties', { frequencyPenalty: 2, presencePenalty: 2, repeatPenalty: 1.5 }],
    ['a grammar', { grammar: anything, temperature: 1, seed: 4 }],
  ])('log probabilities are those of the model with %s', async (_name, sampling) => {
    for (const top of [0, 1, 2, 5, 20]) {
      const sample = { ...greedy, ...sampling }
      const { tokens: drawn, logprobs, following } = await scored({ sample, scoring: { top, following: [] } })
      expect([drawn.length, logprobs.length, following.length]).toEqual([1, 1, 0])
      expectExact(logprobs[0], drawn[0], 0, top)
    }
  })

  it('log probabilities cover a whole prompt, and the tokens sampled after it', async () => {
    const {
      tokens: drawn,
      logprobs,
      following,
    } = await scored({ scoring: { top: 5, following: prompt.slice(1) } })
    expect(logits).toHaveLength(prompt.length)
    for (const [row, token] of prompt.slice(1).entries()) expectExact(following[row], token, row, 5)
    expectExact(logprobs[0], drawn[0], prompt.length - 1, 5)
  })

  it('log probabilities of a prompt are the same in chunks, beside another sequence', async () => {
    const whole = await scored({ scoring: { top: 2, following: prompt.slice(1) } })
    const told: TokenLogprob[] = []
    for (const [start, end] of [
      [0, 9],
      [9, 10],
      [10, 24],
    ] as const) {
      const [, result] = await engine.step([
        entry({ slot: 0, tokens: [50, 51, 52] }),
        entry({
          slot: 1,
          start,
          tokens: prompt.slice(start, end),
          sample: undefined,
          scoring: { top: 2, following: prompt.slice(start + 1, end + 1) },
        }),
      ])
      const { tokens, following } = sampledOf(result)
      expect(tokens).toEqual([])
      told.push(...following)
    }
    expect(told).toHaveLength(prompt.length - 1)
    for (const [index, { logprob }] of told.entries())
      expect(Math.abs(logprob - (whole.following[index]?.logprob ?? Number.NaN))).toBeLessThan(GAP)
  })

  it('log probabilities cover every accepted draft token, and the one after it', async () => {
    const next: number[] = []
    for (let step = 0; step < 3; step++) {
      const history = [...prompt, ...next]
      const told = await scored({ tokens: history, history, scoring: { top: 2, following: [] } })
      // At a tie a draft might be wrong.
      expect(smallestLead(told)).toBeGreaterThan(2 * GAP)
      next.push(...told.tokens)
    }
    const draft = [...next, (next[2] ?? 0) + 1, 7]
    const { tokens: drawn, logprobs } = await scored({ draft, scoring: { top: 3, following: [] } })
    expect(drawn.slice(0, 3)).toEqual(next)
    expect(logprobs).toHaveLength(drawn.length)
    for (const [index, told] of logprobs.entries()) expectExact(told, drawn[index], index, 3)
  })

  it('log probabilities do not change the tokens sampled next', async () => {
    const sample = { ...greedy, temperature: 1.5, seed: 9, frequencyPenalty: 1 }
    const [plain] = await draw(engine, [entry({ sample, id: 'plain' })])
    const { tokens } = await scored({ sample, id: 'told', scoring: { top: 20, following: prompt.slice(1) } })
    expect(tokens).toEqual([plain])
  })

  it('the log probability of a token that does not exist is an error', async () => {
    const [result] = await engine.step([entry({ scoring: { top: 1, following: [1, 2, 10_000_000] } })])
    expect(result).toBeInstanceOf(Error)
  })
})
