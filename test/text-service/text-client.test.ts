import { getPriority } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { DEFAULT_TENANT } from '../../src/base/share.ts'
import { bindTrace, RequestTrace } from '../../src/generation/request-trace.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import { childEntry } from '../../src/process/child-process.ts'
import { type CpuUse, cpuUse } from '../../src/process/cpu-time.ts'
import type { TextAnswer } from '../../src/protocol/text-messages.ts'
import { ModelText } from '../../src/text-service/model-text.ts'
import { TextClient, type TextClientOptions } from '../../src/text-service/text-client.ts'
import { PATIENCE, until } from '../support/patience.ts'
import { children as childProcesses } from '../support/processes.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

const turn = { share: DEFAULT_TENANT, signal: new AbortController().signal }
/** As the system tells of a process that is in line for a CPU and gets none. */
const inLine = { cpuUse: () => ({ usedMs: 0, computes: true }) }
const crashes: string[] = []
let client: TextClient | undefined
afterEach(() => client?.stop(1000))

async function start(budgetMs: number, more: Partial<TextClientOptions> = {}): Promise<TextClient> {
  const log = { info: () => undefined, warn: () => undefined }
  crashes.length = 0
  client = new TextClient({
    entry: childEntry('text'),
    init: { modelPath },
    log,
    metrics: new Metrics('m'),
    budgetMs,
    onCrash: ({ cause }) => crashes.push(cause),
    ...more,
  })
  client.start()
  await client.child.whenReady(PATIENCE)
  return client
}

it('TextClient measures the time limit of each call separately', async () => {
  const text = await start(400)
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(600_000) }, turn)
  const short = Array.from({ length: 5 }, () => text.call({ type: 'tokenize', text: 'Hello' }, turn))
  expect((await Promise.all([long, ...short])).map(({ type }) => type)).toEqual(Array(6).fill('tokens'))
  expect(text.child.restarts).toBe(0)
})

const asTenant = (tenant: string): typeof turn => ({ ...turn, share: { ...DEFAULT_TENANT, tenant } })

it('TextClient serves tenants in turn', async () => {
  const text = await start(5000)
  const answered: string[] = []
  const ask = async (tenant: string): Promise<void> => {
    await text.call({ type: 'tokenize', text: 'word '.repeat(4000) }, asTenant(tenant))
    answered.push(tenant)
  }
  await Promise.all(['a', 'a', 'a', 'a', 'a', 'b', 'b'].map(ask))
  // The first of a's may have cost more than both of b's.
  expect(answered.slice(0, 4).filter((tenant) => tenant === 'b')).toHaveLength(2)
})

it('TextClient has a second process read long texts, which yields to the first and waits for it', async () => {
  const text = await start(5000)
  const answered: string[] = []
  const ask = async (size: number): Promise<void> => {
    const { type } = await text.call(
      { type: 'tokenize', text: 'a'.repeat(size) },
      { ...turn, bulk: true, most: 0 },
    )
    answered.push(`${size} ${type}`)
  }
  await Promise.all([ask(300_000), ask(300_001), ask(10_000), ask(10_001)])
  expect(answered).toEqual(['10000 tokens', '10001 tokens', '300000 tokens', '300001 tokens'])
  const processes = childProcesses(process.pid)
  expect([...processes.keys()].sort()).toEqual(['long', 'text'])
  expect(getPriority(processes.get('long'))).toBeGreaterThan(getPriority(processes.get('text')))
})

it('TextClient counts the wait for its process from when a call is next, not from the queue', async () => {
  const text = await start(5000, { patienceMs: 15_000, ...inLine })
  const pid = text.child.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  const [first, second] = ['a', 'b'].map((letter) => text.call({ type: 'tokenize', text: letter }, turn))
  // Longer than its patience, which is long enough for a start on a machine with a load of eight.
  await pause(15_500)
  process.kill(pid, 'SIGKILL')
  expect([(await first)?.type, (await second)?.type]).toEqual(['tokens', 'tokens'])
})

it('TextClient limits the wait of each call for a process that does not start', async () => {
  const entry = new URL('absent.ts', import.meta.url)
  const log = { info: () => undefined, warn: () => undefined }
  client = new TextClient({ entry, init: { modelPath }, log, metrics: new Metrics('m'), patienceMs: 400 })
  client.start()
  const startedAt = performance.now()
  const ask = async (text: string): Promise<number> => {
    expect(await client?.call({ type: 'tokenize', text }, turn)).toMatchObject({ code: 'not_ready' })
    return performance.now() - startedAt
  }
  const first = ask('a')
  await pause(200)
  const second = ask('b')
  await first
  expect(await second).toBeGreaterThan(700)
})

it('TextClient reads an answer that arrived while the gateway was stopped', async () => {
  const text = await start(300, { quietMs: 300, cpuUse: () => ({ usedMs: 0, computes: false }) })
  const asked = text.call({ type: 'tokenize', text: 'Hello' }, turn)
  // It is on its way, and answered while nobody looks. Timers come next, before anything is read.
  await new Promise((resolve) => setImmediate(resolve))
  const end = performance.now() + 2000
  while (performance.now() < end);
  expect((await asked).type).toBe('tokens')
  // For a process that was killed to be over.
  await pause(500)
  expect(text.child.restarts).toBe(0)
})

it('TextClient returns only the count of a text with more tokens than the limit', async () => {
  const text = await start(2000)
  const content = 'word '.repeat(100)
  const ask = (most?: number): Promise<TextAnswer> =>
    text.call({ type: 'tokenize', text: content, bare: true }, most === undefined ? turn : { ...turn, most })
  const all = await ask()
  const count = all.type === 'tokens' ? all.tokens.length : 0
  expect([count > 90, all]).toMatchObject([true, { count }])
  expect(await ask(count)).toEqual(all)
  expect(await ask(count - 1)).toEqual({ ...all, tokens: new Uint32Array() })
})

it('TextClient prepares nothing else for a prompt with more tokens than the limit', async () => {
  const text = await start(2000)
  const prompts = [{ type: 'tokenize' as const, text: 'word '.repeat(100) }]
  const wanted = { prompts, openThought: undefined, thoughtEnding: '.', prediction: 'a b' }
  const constraint = { kind: 'gbnf', source: 'root ::= (' } as const
  const ask = async (most: number): Promise<TextAnswer> =>
    text.call({ type: 'prepare', ...wanted, constraint }, { ...turn, most })
  expect(await ask(1000)).toMatchObject({ type: 'refused' })
  const tooLong = await ask(10)
  expect(tooLong).toMatchObject({ type: 'prepared', prompts: [{ tokens: new Uint32Array() }] })
  expect(tooLong).not.toHaveProperty('thoughtEnding')
})

it('TextClient drops a call whose request has left', async () => {
  const text = await start(5000)
  const leaving = new AbortController()
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(300_000) }, turn)
  const dropped = text.call({ type: 'tokenize', text: 'Hello' }, { ...turn, signal: leaving.signal })
  leaving.abort()
  await expect(dropped).rejects.toThrow('aborted')
  expect((await long).type).toBe('tokens')
})

it('TextClient ends a call that exceeds its time, serves the next one, and counts no crash', async () => {
  // The budget grows by a second for each MB: these have 0.4 of one left. On a full machine a tenth of that is told as all of it.
  const tenfold = (pid: number | undefined): CpuUse | undefined => {
    const use = cpuUse(pid)
    return use && { ...use, usedMs: 10 * use.usedMs }
  }
  const text = await start(-1600, { cpuUse: tenfold })
  const slow = await text.call({ type: 'tokenize', text: 'word '.repeat(400_000) }, turn)
  expect(slow).toMatchObject({ type: 'error', code: 'costly', message: 'the text took too long to process' })
  while (text.child.restarts < 1) await new Promise((resolve) => setTimeout(resolve, 10))
  await text.child.whenReady(PATIENCE)
  expect([text.child.restarts, crashes]).toEqual([1, []])
  process.kill(text.child.pid ?? 0, 'SIGKILL')
  while (text.child.restarts < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(crashes).toEqual(['SIGKILL'])
})

it('TextClient moves a tenant to the process for long texts after one of its calls took too long', async () => {
  let usedMs = 0
  const text = await start(50, {
    cpuUse: () => {
      usedMs += 1000
      return { usedMs, computes: true }
    },
  })
  const ask = (tenant: string): Promise<TextAnswer> =>
    text.call({ type: 'tokenize', text: 'Hello' }, { ...asTenant(tenant), bulk: true })
  const isThere = (): boolean => childProcesses(process.pid).has('long')
  process.kill(text.child.pid ?? 0, 'SIGSTOP')
  expect(await ask('a')).toMatchObject({ code: 'costly' })
  await ask('b')
  expect(isThere()).toBe(false)
  void ask('a')
  await until(isThere)
})

it('TextClient waits longer for a call that gets no CPU than it may compute', async () => {
  const text = await start(400, inLine)
  const pid = text.child.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  const late = text.call({ type: 'tokenize', text: 'Hello' }, turn)
  await pause(1000)
  process.kill(pid, 'SIGCONT')
  expect((await late).type).toBe('tokens')
  expect(text.child.restarts).toBe(0)
})

it('TextClient ends a call that gets no CPU at all, reports overload, and serves the next one', async () => {
  const text = await start(200, inLine)
  process.kill(text.child.pid ?? 0, 'SIGSTOP')
  const starved = text.call({ type: 'tokenize', text: 'Hello' }, turn)
  expect(await starved).toMatchObject({
    code: 'starved',
    message: expect.stringMatching(/^a call got 0 ms of CPU in \d+ ms$/),
  })
  expect((await text.call({ type: 'tokenize', text: 'Hello' }, turn)).type).toBe('tokens')
  expect([text.child.restarts, crashes]).toEqual([1, []])
})

it('TextClient replaces a process that is idle and does not answer', async () => {
  const text = await start(300, { quietMs: 300 })
  process.kill(text.child.pid ?? 0, 'SIGSTOP')
  expect((await text.call({ type: 'tokenize', text: 'Hello' }, turn)).type).toBe('tokens')
  expect(text.child.restarts).toBe(1)
})

it.each([
  ['not_ready', 'model_loading', 1000],
  ['starved', 'server_overloaded', 5000],
  ['costly', 'request_too_complex', undefined],
  ['busy', 'server_overloaded', 7000],
  ['failed', 'internal_error', undefined],
] as const)('the text process error %s is reported as %s', async (code, told, retryAfterMs) => {
  const answering = { call: async () => ({ type: 'error', code, message: 'why', retryAfterMs: 7000 }) }
  const text = new ModelText(
    () => answering as unknown as TextClient,
    () => 512,
  )
  const error = { code: told, retryAfterMs }
  await expect(text.prompt({ type: 'tokenize', text: 'Hello' }, turn)).rejects.toMatchObject(error)
  const constraint = { kind: 'json_object', source: '' } as const
  const nothing = { openThought: undefined, thoughtEnding: undefined, prediction: undefined }
  const wanted = { ...nothing, prompts: [], constraint }
  await expect(text.prepare(wanted, 'x', turn)).rejects.toMatchObject(error)
})

it('the prompts of a request are one span of its trace', async () => {
  const prompt = { type: 'tokens', tokens: Uint32Array.of(1), count: 1, characters: 1, inThought: false }
  const answering = { call: async () => ({ type: 'prepared', prompts: [prompt, prompt, prompt] }) }
  const text = new ModelText(
    () => answering as unknown as TextClient,
    () => 512,
  )
  const { signal } = new AbortController()
  const trace = new RequestTrace('r')
  bindTrace(signal, trace)
  const prompts = ['a', 'b', 'c'].map((text) => ({ type: 'tokenize', text }) as const)
  const nothing = { constraint: undefined, openThought: undefined, thoughtEnding: undefined }
  await text.prepare({ ...nothing, prediction: undefined, prompts }, '', { ...turn, signal })
  expect(trace.parts.map(({ name }) => name)).toEqual(['tokenize'])
})

it('a preparation without texts needs no text process', async () => {
  const text = new ModelText(
    () => undefined,
    () => undefined,
  )
  const nothing = {
    constraint: undefined,
    openThought: undefined,
    thoughtEnding: undefined,
    prediction: undefined,
  }
  expect(await text.prepare({ ...nothing, prompts: [] }, '', turn)).toEqual({ type: 'prepared', prompts: [] })
})
