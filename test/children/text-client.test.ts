import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { childEntry } from '../../src/children/child-process.ts'
import { ModelText } from '../../src/children/model-text.ts'
import { TextClient, type TextClientOptions } from '../../src/children/text-client.ts'
import { THE_ONE_TENANT } from '../../src/share.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

const turn = { share: THE_ONE_TENANT, signal: new AbortController().signal }
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
    budgetMs,
    onCrash: ({ cause }) => crashes.push(cause),
    ...more,
  })
  client.start()
  await client.child.whenReady(10_000)
  return client
}

it('gives each call its own time, whatever runs before it', async () => {
  const text = await start(400)
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(600_000) }, turn)
  const short = Array.from({ length: 5 }, () => text.call({ type: 'tokenize', text: 'Hello' }, turn))
  expect((await Promise.all([long, ...short])).map(({ type }) => type)).toEqual(Array(6).fill('tokens'))
  expect(text.child.restarts).toBe(0)
})

it('drops a call that nobody waits for any more', async () => {
  const text = await start(5000)
  const leaving = new AbortController()
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(300_000) }, turn)
  const dropped = text.call({ type: 'tokenize', text: 'Hello' }, { ...turn, signal: leaving.signal })
  leaving.abort()
  await expect(dropped).rejects.toThrow('aborted')
  expect((await long).type).toBe('tokens')
})

it('ends a call that outruns its time, serves the next one, and calls that no crash', async () => {
  // The budget grows by a second for each MB: these have a tenth of one left. With less it may not have begun, and would hang.
  const text = await start(-1900)
  const slow = await text.call({ type: 'tokenize', text: 'word '.repeat(400_000) }, turn)
  expect(slow).toMatchObject({ type: 'error', code: 'costly', message: 'the text took too long to process' })
  while (text.child.restarts < 1) await new Promise((resolve) => setTimeout(resolve, 10))
  await text.child.whenReady(10_000)
  expect([text.child.restarts, crashes]).toEqual([1, []])
  process.kill(text.child.pid ?? 0, 'SIGKILL')
  while (text.child.restarts < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(crashes).toEqual(['SIGKILL'])
})

/** As the system tells of a process that is in line for a CPU and gets none. */
const inLine = { cpuUse: () => ({ usedMs: 0, computes: true }) }

it('waits for a call that gets no CPU, longer than it may compute', async () => {
  const text = await start(400, inLine)
  const pid = text.child.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  const late = text.call({ type: 'tokenize', text: 'Hello' }, turn)
  await pause(1000)
  process.kill(pid, 'SIGCONT')
  expect((await late).type).toBe('tokens')
  expect(text.child.restarts).toBe(0)
})

it('gives a call up that gets no CPU at all, blames the machine, and serves the next one', async () => {
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

it('asks the next process where one waits for nothing and does nothing', async () => {
  const text = await start(300, { quietMs: 300 })
  process.kill(text.child.pid ?? 0, 'SIGSTOP')
  expect((await text.call({ type: 'tokenize', text: 'Hello' }, turn)).type).toBe('tokens')
  expect(text.child.restarts).toBe(1)
})

it.each([
  ['not_ready', 'model_loading', 1000],
  ['starved', 'server_overloaded', 5000],
  ['costly', 'request_too_complex', undefined],
  ['failed', 'internal_error', undefined],
] as const)('an answer that is %s is told as %s', async (code, told, retryAfterMs) => {
  const answering = { call: async () => ({ type: 'error', code, message: 'why' }) }
  const text = new ModelText(
    () => answering as unknown as TextClient,
    () => 512,
  )
  const error = { code: told, retryAfterMs }
  await expect(text.prompt({ type: 'tokenize', text: 'Hello' }, turn)).rejects.toMatchObject(error)
  await expect(text.grammar({ kind: 'json_object', source: '' }, 'x', turn)).rejects.toMatchObject(error)
})
