import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { childEntry } from '../../src/children/supervised-child.ts'
import { TextClient } from '../../src/children/text-client.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

const crashes: string[] = []
let client: TextClient | undefined
afterEach(() => client?.child.stop(1000))

async function start(budgetMs: number): Promise<TextClient> {
  const log = { info: () => undefined, warn: () => undefined }
  crashes.length = 0
  client = new TextClient({
    entry: childEntry('text'),
    init: { modelPath },
    log,
    budgetMs,
    onCrash: ({ cause }) => crashes.push(cause),
  })
  client.child.start()
  await client.child.whenReady(10_000)
  return client
}

it('gives each call its own time, whatever runs before it', async () => {
  const text = await start(400)
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(600_000) })
  const short = Array.from({ length: 5 }, () => text.call({ type: 'tokenize', text: 'Hello' }))
  expect((await Promise.all([long, ...short])).map(({ type }) => type)).toEqual(Array(6).fill('tokens'))
  expect(text.child.restarts).toBe(0)
})

it('drops a call that nobody waits for any more', async () => {
  const text = await start(5000)
  const leaving = new AbortController()
  const long = text.call({ type: 'tokenize', text: 'word '.repeat(300_000) })
  const dropped = text.call({ type: 'tokenize', text: 'Hello' }, leaving.signal)
  leaving.abort()
  await expect(dropped).rejects.toThrow('aborted')
  expect((await long).type).toBe('tokens')
})

it('ends a call that outruns its time, serves the next one, and calls that no crash', async () => {
  // The budget grows by a second for each MB: these have none left.
  const text = await start(-990)
  const slow = await text.call({ type: 'tokenize', text: 'word '.repeat(200_000) })
  expect(slow).toMatchObject({ type: 'error', message: 'the text took too long to process' })
  while (text.child.restarts < 1) await new Promise((resolve) => setTimeout(resolve, 10))
  await text.child.whenReady(10_000)
  expect([text.child.restarts, crashes]).toEqual([1, []])
  process.kill(text.child.pid ?? 0, 'SIGKILL')
  while (text.child.restarts < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(crashes).toEqual(['SIGKILL'])
})
