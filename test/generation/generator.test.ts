import { describe, expect, it, vi } from 'vitest'
import type { ServingError } from '../../src/base/errors.ts'
import type {
  Generation,
  GenerationEvent,
  GenerationRecord,
  GenerationRequest,
} from '../../src/generation/generation.ts'
import { type EngineLoss, Generator, type Work } from '../../src/generation/generator.ts'
import { NO_TIME_LIMITS } from '../../src/generation/time-limits.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type {
  EngineCommand,
  EngineReady,
  SequenceEvent,
  StepMessage,
} from '../../src/protocol/engine-messages.ts'
import type { SequenceSpec } from '../../src/protocol/sequence-spec.ts'
import type { OutputFormat } from '../../src/text/output/output-parser.ts'
import { scrape } from '../support/metrics.ts'
import { specOf } from '../support/sequences.ts'
import { greedy } from '../support/workload.ts'

/** Tokens are bytes; 0 ends a generation. */
const vocabulary = {
  size: 256,
  bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte),
  offsets: Uint32Array.from({ length: 257 }, (_, at) => at),
  endOfGeneration: [0],
  control: [],
  silent: new Map([[0, '<end>']]),
}
const ready: EngineReady = {
  limits: { slots: 1, contextSize: 64, batchTokens: 8 },
  kvCells: 64,
  modelBytes: 0,
  parameters: 0,
}
const stats = {
  waiting: 0,
  running: 0,
  kvUsage: 0,
  steps: 0,
  promptTokens: 0,
  cachedTokens: 0,
  generatedTokens: 0,
  parked: 0,
  restored: 0,
  parkingFailed: 0,
  parkedBytes: 0,
}

function setup(maxQueue = 1, maxQueuedTokens = Number.POSITIVE_INFINITY) {
  const sent: EngineCommand[] = []
  const over: GenerationRecord[] = []
  const spent: [tenant: string, tokens: number][] = []
  const metrics = new Metrics('m')
  const engine = { ready: ready as EngineReady | undefined }
  const generator = new Generator({
    engineReady: () => engine.ready,
    send: (command) => {
      if (engine.ready === undefined) return false
      sent.push(command)
      return true
    },
    maxQueue,
    maxQueuedTokens,
    timeLimits: NO_TIME_LIMITS,
    vocabulary: () => vocabulary,
    onTokens: (tenant, count) => spent.push([tenant, count]),
    metrics,
    onOver: (record) => over.push(record),
  })
  const tell = (...events: SequenceEvent[]): void =>
    generator.onStep({ type: 'step', events, stats, batchTokens: 1, stepMs: 1 } satisfies StepMessage)
  const added = (): string[] => sent.flatMap((command) => (command.type === 'add' ? [command.id] : []))
  return { generator, metrics, sent, over, spent, engine, tell, added }
}

const work = (choices: number, promptTokens = 0, tenant = ''): Work => ({
  tenant,
  prompts: 1,
  promptTokens,
  choices,
})

const request = (
  more: Partial<GenerationRequest & SequenceSpec> & { readonly ignoreEos?: boolean } = {},
): GenerationRequest => {
  const { stops = [], turnEnds, deadlineAt, thoughtLimit, output, spec: _, ignoreEos, ...wanted } = more
  const { prompt = Uint32Array.of(1, 2) } = wanted
  const stopTokens = ignoreEos ? [] : [0]
  const spec = { ...specOf({ maxTokens: 9, sampling: greedy, stopTokens, ...wanted, prompt: [] }), prompt }
  return { spec, stops, ...(turnEnds && { turnEnds }), deadlineAt, thoughtLimit, output }
}

async function read(
  events: AsyncIterable<GenerationEvent>,
): Promise<{ text: string; reason: string | undefined; error: unknown }> {
  let text = ''
  let reason: string | undefined
  try {
    for await (const event of events) {
      if (event.type === 'text') text += event.text
      else if (event.type === 'end') reason = event.reason
    }
    return { text, reason, error: undefined }
  } catch (error) {
    return { text, reason, error }
  }
}

const letters = (id: string, text: string): SequenceEvent[] =>
  [...Buffer.from(text)].map((token) => ({ id, token }))

describe('Generator', () => {
  it('Generator turns tokens into text and one end', async () => {
    const { generator, tell, over } = setup()
    const [generation] = generator.start([request()])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'Hi'), { id: generation.id, token: 0, finish: 'stop' })
    expect(await read(generation)).toEqual({ text: 'Hi', reason: 'stop', error: undefined })
    expect(over).toMatchObject([{ reason: 'stop', usage: { promptTokens: 2, completionTokens: 3 } }])
    expect(generator.inFlight).toBe(0)
  })

  it('Generator gives a slow reader what it missed in few pieces of bounded size', async () => {
    const { generator, tell } = setup()
    const logprobs = { top: 20, prompt: false }
    const [plain, scored] = generator.start([request(), request({ logprobs })])
    if (plain === undefined || scored === undefined) throw new Error('nothing started')
    const written = 'abcdefgh'.repeat(2500)
    tell(...letters(plain.id, written), { id: plain.id, finish: 'length' })
    const logprob = { logprob: -1, top: [] }
    tell(...letters(scored.id, written.slice(0, 100)).map((event) => ({ ...event, logprob })))
    tell({ id: scored.id, finish: 'length' })
    const texts = async (generation: AsyncIterable<GenerationEvent>) => {
      const pieces = []
      for await (const event of generation) if (event.type === 'text') pieces.push(event)
      return pieces
    }
    const pieces = await texts(plain)
    expect(pieces.map(({ text }) => text).join('')).toBe(written)
    expect(pieces.map(({ text }) => text.length)).toEqual([7000, 7000, 6000])
    const tokens = (await texts(scored)).map((piece) => piece.tokens?.length)
    expect(tokens).toEqual([20, 20, 20, 20, 20])
  })

  it('Generator cancels a sequence in the engine at a stop string, and sends no part of it', async () => {
    const { generator, tell, sent } = setup()
    const [generation] = generator.start([request({ stops: ['END'] })])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'all EN'))
    tell(...letters(generation.id, 'D and more'))
    expect(await read(generation)).toMatchObject({ text: 'all ', reason: 'stop' })
    expect(sent.at(-1)).toEqual({ type: 'cancel', id: generation.id })
  })

  const output: OutputFormat = {
    reasoning: { tags: { open: '<think>', close: '</think>' }, opened: true },
    tools: { format: 'hermes', offered: new Map([['f', {}]]), single: true },
  }

  it('Generator ends a thought that is too long, and continues with the answer in another sequence', async () => {
    const { generator, tell, sent, spent } = setup()
    const thoughtLimit = { tokens: 3, ending: Uint32Array.from(Buffer.from('</think>')) }
    const [generation] = generator.start([request({ maxTokens: 30, output, thoughtLimit })])
    if (generation === undefined) throw new Error('nothing started')
    const first = generation.id
    // The last of these is on its way when the third is taken: it is of no use.
    tell(...letters(first, 'hmm?'))
    tell(...letters(first, '!'))
    const last = sent.at(-1)
    if (last?.type !== 'add') throw new Error('nothing was sent')
    expect([last.replaces, last.id === first]).toEqual([first, false])
    expect(Buffer.from(last.generated).toString()).toBe('hmm</think>')
    expect(spent.reduce((sum, [, tokens]) => sum + tokens, 0)).toBe(2 + 3 + 8)
    tell(...letters(last.id, 'Hi'), { id: last.id, token: 0, finish: 'stop' })
    expect(await read(generation)).toEqual({ text: 'Hi', reason: 'stop', error: undefined })
    expect(generation.usage).toMatchObject({ completionTokens: 14, reasoningTokens: 11 })
    expect(generator.inFlight).toBe(0)
  })

  it('Generator ends where the end of a too long thought takes all the room that is left', async () => {
    const { generator, tell, sent } = setup()
    const thoughtLimit = { tokens: 3, ending: Uint32Array.from(Buffer.from('</think>')) }
    const [generation] = generator.start([request({ maxTokens: 5, output, thoughtLimit })])
    if (generation === undefined) throw new Error('nothing started')
    const { id } = generation
    tell(...letters(id, 'hmm'))
    expect(await read(generation)).toMatchObject({ reason: 'length', error: undefined })
    expect(generation.usage).toMatchObject({ completionTokens: 5, reasoningTokens: 5 })
    expect(sent.map(({ type }) => type)).toEqual(['add', 'cancel'])
    expect(generator.inFlight).toBe(0)
    generator.checkInvariants()
  })

  it('Generator separates thought, content and call, and looks for stop strings in content only', async () => {
    const { generator, tell } = setup()
    const [generation] = generator.start([request({ output, stops: ['{', 'END'] })])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'a { END</think>b E<tool_call>{"name":"f","arguments":{"a":"END"}}'))
    const events: GenerationEvent[] = []
    for await (const event of generation) events.push(event)
    expect(events.slice(0, -1)).toEqual([
      { type: 'reasoning', text: 'a { END' },
      { type: 'text', text: 'b E' },
      { type: 'call', call: 0, name: 'f' },
      { type: 'arguments', call: 0, text: '{"a":"END"}' },
    ])
  })

  it('Generator ends after the first call when only one is wanted, and cancels in the engine', async () => {
    const { generator, tell, sent } = setup()
    const [generation] = generator.start([request({ output: { tools: output.tools } as OutputFormat })])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, '<tool_call>{"name":"f"}<'))
    expect(await read(generation)).toMatchObject({ text: '', reason: 'stop' })
    expect(sent.at(-1)).toEqual({ type: 'cancel', id: generation.id })
  })

  it('Generator reads control tokens as markup where the format needs it', async () => {
    const { generator, tell } = setup()
    const markers = new Map([[1, '<tool_call>']])
    const [generation] = generator.start([
      request({ output: { ...output, reasoning: undefined, markers } as object }),
    ])
    if (generation === undefined) throw new Error('nothing started')
    tell({ id: generation.id, token: 1 }, ...letters(generation.id, '{"name":"f"}'))
    const types: string[] = []
    for await (const event of generation) types.push(event.type)
    expect(types).toEqual(['call', 'arguments', 'end'])
  })

  it('Generator counts the tokens of a thought, and sends the held-back text at the end', async () => {
    const { generator, tell, over } = setup()
    const [generation] = generator.start([request({ output })])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'ab</think>c <tool'), { id: generation.id, finish: 'length' })
    expect(await read(generation)).toMatchObject({ text: 'c <tool', reason: 'length' })
    expect(over).toMatchObject([{ usage: { completionTokens: 17, reasoningTokens: 10 } }])
  })

  it('Generator ends an answer where the next turn begins, and reports a stop string only where it was asked for', async () => {
    for (const [stops, stop] of [
      [[], undefined],
      [['\nuser:'], '\nuser:'],
    ] as const) {
      const { generator, tell } = setup()
      const [generation] = generator.start([request({ stops, turnEnds: ['\nuser:'], maxTokens: 40 })])
      if (generation === undefined) throw new Error('nothing was started')
      tell(...letters(generation.id, 'Hi\nuse it.\nuser: and'))
      const events: GenerationEvent[] = []
      for await (const event of generation) events.push(event)
      const end = events.at(-1)
      expect(end).toMatchObject({ type: 'end', reason: 'stop' })
      expect(end?.type === 'end' && end.stop).toBe(stop)
      expect(events.map((event) => (event.type === 'text' ? event.text : '')).join('')).toBe('Hi\nuse it.')
    }
  })

  it('Generator ends an answer at a stop string after a thought', async () => {
    const { generator, tell } = setup()
    const [generation] = generator.start([request({ output, stops: ['END'] })])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'END</think>all END<tool_call>'))
    expect(await read(generation)).toMatchObject({ text: 'all ', reason: 'stop' })
  })

  it('Generator cancels in the engine when its reader leaves', async () => {
    const { generator, tell, sent, over } = setup()
    const [generation] = generator.start([request()])
    if (generation === undefined) throw new Error('nothing started')
    tell(...letters(generation.id, 'a'))
    for await (const _event of generation) break
    expect(sent.at(-1)).toEqual({ type: 'cancel', id: generation.id })
    expect(over.map((record) => record.reason)).toEqual(['cancelled'])
  })

  it('Generator starts all choices of a request or none, and says when to retry', () => {
    const { generator, added } = setup(1)
    const refusal = (count: number): unknown => {
      try {
        return generator.start(Array.from({ length: count }, () => request()))
      } catch (error) {
        return error
      }
    }
    expect(refusal(3)).toMatchObject({ code: 'invalid_value', status: 400 })
    expect(added()).toEqual([])
    generator.start([request()])
    expect(refusal(2)).toMatchObject({ code: 'server_overloaded', status: 503 })
    expect((refusal(2) as ServingError).retryAfterMs).toBeGreaterThan(0)
    expect(added()).toHaveLength(1)
    expect(generator.start([request()])).toHaveLength(1)
  })

  it('Generator continues in the next engine where the last one stopped', async () => {
    const { generator, tell, sent, engine, over } = setup(1)
    const [begun, fresh] = generator.start([request({ stops: ['END'] }), request()])
    if (begun === undefined || fresh === undefined) throw new Error('nothing started')
    tell(...letters(begun.id, 'so E'))
    engine.ready = undefined
    generator.onEngineDown()
    engine.ready = ready
    generator.onEngineReady()
    const again = sent.slice(2)
    expect(again).toMatchObject([
      { type: 'add', id: begun.id, spec: begun.request.spec },
      { type: 'add', id: fresh.id, generated: Uint32Array.of() },
    ])
    expect(again[0]).toMatchObject({ generated: Uint32Array.from(Buffer.from('so E')) })
    // The stop string began before the crash and ends after it.
    tell(...letters(begun.id, 'ND'))
    tell(...letters(fresh.id, 'x'), { id: fresh.id, token: 0, finish: 'stop' })
    expect(await read(begun)).toEqual({ text: 'so ', reason: 'stop', error: undefined })
    expect(await read(fresh)).toEqual({ text: 'x', reason: 'stop', error: undefined })
    expect(over).toMatchObject([{ usage: { completionTokens: 6 } }, { usage: { completionTokens: 2 } }])
  })

  it('Generator lets the next engine score a prompt that is not scored yet, and no other', async () => {
    const { generator, tell, sent, engine } = setup(1)
    const logprobs = { top: 1, prompt: true }
    const told = (logprob: number) => ({ logprob, top: [] })
    const prompt = Uint32Array.of(1, 2, 3)
    const [half, whole] = generator.start([request({ prompt, logprobs }), request({ prompt, logprobs })])
    if (half === undefined || whole === undefined) throw new Error('nothing started')
    tell({ id: half.id, promptLogprobs: [told(-1)] })
    tell(
      { id: whole.id, promptLogprobs: [told(-3), told(-4)] },
      { id: whole.id, token: 65, logprob: told(-5) },
    )
    engine.ready = undefined
    generator.onEngineDown()
    engine.ready = ready
    generator.onEngineReady()
    // Whoever has a token has the prompt's scores: see Sequence.scoresPrompt.
    expect(sent.slice(2)).toMatchObject([
      { id: half.id, spec: half.request.spec, generated: Uint32Array.of() },
      { id: whole.id, spec: whole.request.spec, generated: Uint32Array.of(65) },
    ])
    tell({ id: half.id, promptLogprobs: [told(-1), told(-2)] })
    for (const { id } of [half, whole]) tell({ id, token: 0, finish: 'stop', logprob: told(-7) })
    const prompts: unknown[] = []
    for (const generation of [half, whole])
      for await (const event of generation) {
        if (event.type === 'prompt') prompts.push(event.logprobs.map(({ logprob }) => logprob))
        if (event.type === 'end') prompts.push(event.logprobs?.mean)
      }
    expect(prompts).toEqual([[-1, -2], -7, [-3, -4], -6])
  })

  it('Generator fails only the requests that were running when two engines stopped', async () => {
    const { generator, metrics, tell, engine } = setup(1)
    const losses: EngineLoss[] = []
    const crash = (): void => {
      engine.ready = undefined
      losses.push(generator.onEngineDown())
      engine.ready = ready
      generator.onEngineReady()
    }
    const [old] = generator.start([request()])
    crash()
    const [young] = generator.start([request({ maxTokens: 8 })])
    crash()
    if (old === undefined || young === undefined) throw new Error('nothing started')
    expect((await read(old)).error).toMatchObject({ code: 'engine_failed' })
    expect(losses).toEqual([
      { resumed: [old.id], quarantined: [] },
      { resumed: [young.id], quarantined: [old.id] },
    ])
    const counted = await scrape(metrics)
    expect(counted.value('altiplano_resumed_total')).toBe(2)
    expect(counted.value('altiplano_quarantined_total')).toBe(1)
    // A third engine is not risked for the same request.
    expect(() => generator.start([request({ sampling: { ...greedy, seed: 9 } })])).toThrow('not let in again')
    for (const other of [{ maxTokens: 7 }, { adapter: 'a' }, { speculation: { prediction: [1] } }]) {
      const [another] = generator.start([request(other)])
      expect(another?.over).toBe(false)
      another?.cancel()
    }
    tell(...letters(young.id, 'a'), { id: young.id, token: 0, finish: 'stop' })
    expect(await read(young)).toEqual({ text: 'a', reason: 'stop', error: undefined })
  })

  it('Generator continues after engines that hung and were killed, and suspects no request', async () => {
    const { generator, tell, engine } = setup(1)
    const kill = (killed = true): EngineLoss => {
      engine.ready = undefined
      const loss = generator.onEngineDown(killed)
      engine.ready = ready
      generator.onEngineReady()
      return loss
    }
    const [generation] = generator.start([request()])
    if (generation === undefined) throw new Error('nothing started')
    const resumed = { resumed: [generation.id], quarantined: [] }
    expect([kill(), kill(), kill(false)]).toEqual([resumed, resumed, resumed])
    tell(...letters(generation.id, 'a'), { id: generation.id, token: 0, finish: 'stop' })
    expect(await read(generation)).toEqual({ text: 'a', reason: 'stop', error: undefined })
  })

  it('Generator gives a request to no fourth engine after three hung, and admits it again later', async () => {
    const { generator, engine } = setup(1)
    const [generation] = generator.start([request()])
    if (generation === undefined) throw new Error('nothing started')
    for (let hang = 0; hang < 3; hang++) {
      engine.ready = undefined
      generator.onEngineDown(true)
      engine.ready = ready
      generator.onEngineReady()
    }
    expect((await read(generation)).error).toMatchObject({ code: 'engine_failed' })
    expect(() => generator.start([request()])).not.toThrow()
  })

  it('Generator accepts a request between two engines, also before the first', () => {
    const { generator, added, engine } = setup(1)
    generator.onEngineReady()
    engine.ready = undefined
    generator.onEngineDown()
    const [generation] = generator.start([request()])
    expect(added()).toEqual([])
    engine.ready = ready
    generator.onEngineReady()
    expect(added()).toEqual([generation?.id])
  })

  it('Generator refuses requests when an engine does not come back in time', () => {
    vi.useFakeTimers()
    const { generator, engine } = setup(1)
    generator.onEngineReady()
    engine.ready = undefined
    generator.onEngineDown()
    vi.advanceTimersByTime(120_000)
    vi.useRealTimers()
    expect(() => generator.start([request()])).toThrow('not ready')
    engine.ready = ready
    generator.onEngineReady()
    expect(generator.start([request()])).toHaveLength(1)
  })

  it('Generator counts requests whose prompts are being prepared', async () => {
    const { generator } = setup(1)
    const overloaded = expect.objectContaining({ code: 'server_overloaded' })
    const permit = generator.admit(work(2, 2))
    expect(() => generator.admit(work(1, 2))).toThrow(overloaded)
    expect(generator.start([request(), request()], permit)).toHaveLength(2)
    expect(() => generator.admit(work(1, 2))).toThrow(overloaded)
  })

  it('Generator releases the place of a request that cannot be prepared', () => {
    const { generator } = setup(1)
    const fail = (): void => {
      using _permit = generator.admit(work(2, 2))
      throw new Error('no template')
    }
    expect(fail).toThrow('no template')
    expect(generator.start([request(), request()], generator.admit(work(2, 2)))).toHaveLength(2)
    generator.checkInvariants()
  })

  it('Generator releases a place once, though several owners release it', () => {
    const { generator } = setup(1)
    const permit = generator.admit(work(1, 2))
    const [generation] = generator.start([request()], permit)
    permit[Symbol.dispose]()
    generator.checkInvariants()
    generation?.cancel()
    generator.checkInvariants()
  })

  it('Generator bounds the waiting prompt tokens, by estimate and then by count', async () => {
    const { generator, tell } = setup(9, 5)
    const ask = async (estimate: number, length = estimate): Promise<Generation[]> =>
      generator.start([request({ prompt: new Uint32Array(length) })], generator.admit(work(1, estimate)))
    const [running] = await ask(50)
    // It is not known yet that it runs.
    await expect(ask(2)).rejects.toMatchObject({ code: 'server_overloaded' })
    tell({ id: running?.id ?? '', started: true })
    // Longer than all that may wait: alone it can.
    const [alone] = await ask(20)
    await expect(ask(1)).rejects.toMatchObject({ code: 'server_overloaded' })
    alone?.cancel()
    await ask(3)
    await expect(ask(3)).rejects.toMatchObject({ code: 'server_overloaded' })
    await expect(ask(1, 3)).rejects.toMatchObject({ code: 'server_overloaded' })
    expect(await ask(2)).toHaveLength(1)
  })

  it('Generator keeps the last quarter of its queue for tenants that have less than that', async () => {
    const { generator } = setup(8, 100)
    const ask = async (tenant: string, length = 1): Promise<Generation[]> => {
      const share = { tenant, weight: 1, priority: 0 }
      const permit = generator.admit(work(1, length, tenant))
      return generator.start([request({ prompt: new Uint32Array(length), share })], permit)
    }
    const full = { code: 'server_overloaded' }
    // One slot, eight that wait.
    for (let count = 0; count < 7; count++) expect(await ask('greedy')).toHaveLength(1)
    await expect(ask('greedy')).rejects.toMatchObject(full)
    expect(await ask('modest')).toHaveLength(1)
    expect(await ask('modest')).toHaveLength(1)
    await expect(ask('other')).rejects.toMatchObject(full)
    generator.failAll('shutting_down', 'over')
    expect(await ask('greedy', 70)).toHaveLength(1)
    await expect(ask('greedy', 10)).rejects.toMatchObject(full)
    await expect(ask('modest', 30)).rejects.toMatchObject(full)
    expect(await ask('modest', 25)).toHaveLength(1)
  })

  it("Generator counts a tenant's prompt once for all its choices, and each sampled token", () => {
    const { generator, spent, tell } = setup(9)
    const prompt = Uint32Array.of(1, 2, 3)
    const share = { tenant: 'a', weight: 1, priority: 0 }
    const [first, second] = generator.start([request({ prompt, share }), request({ prompt, share })])
    expect(spent).toEqual([['a', 3]])
    tell(...letters(first?.id ?? '', 'xy'), ...letters(second?.id ?? '', 'z'))
    expect(spent.slice(1)).toEqual([
      ['a', 1],
      ['a', 1],
      ['a', 1],
    ])
  })
})
