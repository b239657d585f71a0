import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metric } from '../support/metrics.ts'
import {
  ask,
  essences,
  type MixedRequest,
  mixedRequests,
  type Transcript,
} from '../support/mixed-requests.ts'
import { type LogLine, startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const crowd = 'sk-crowd-0123456789'
const guest = 'sk-guest-0123456789'
const asked = mixedRequests('demo')
const short: MixedRequest = {
  name: 'short',
  path: '/v1/completions',
  body: { model: 'demo', prompt: 'One', max_tokens: 4, temperature: 0, ignore_eos: true },
}
let server: TestServer

beforeAll(async () => {
  const keys = join(folder, 'keys.yaml')
  writeFileSync(keys, `keys:\n  - { name: crowd, key: ${crowd} }\n  - { name: guest, key: ${guest} }\n`)
  server = await startServer([
    ...['--served-model-name', 'demo', '--slots', '2', '--context-size', '1024', '--api-keys', keys],
  ])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const askAll = (): Promise<Transcript[]> =>
  Promise.all(asked.map((request) => ask(server.url, request, { key: crowd })))

const preemptions = (): Promise<number> => metric(server.url, 'altiplano_preemptions_total')

describe('a key that occupies all slots', () => {
  it('a key that occupies all slots yields one to another key, and its answers stay the same', async () => {
    // Once to warm up: prompts are in the cache then.
    await askAll()
    const undisturbed = await askAll()
    expect(await preemptions()).toBe(0)

    let over = false
    let answers = 0
    const visits = async (): Promise<void> => {
      for (; !over; answers++) expect((await ask(server.url, short, { key: guest })).status).toBe(200)
    }
    const [disturbed] = await Promise.all([askAll().finally(() => (over = true)), visits()])

    expect(essences(asked, disturbed)).toEqual(essences(asked, undisturbed))
    expect(await preemptions()).toBeGreaterThan(0)
    expect(answers).toBeGreaterThan(4)
    expect(disturbed.filter(({ paused }) => paused).length).toBeGreaterThan(0)
    const logged = server.logs.map((line) => JSON.parse(line) as LogLine)
    const told = logged.reduce((sum, { preemptions: count = 0 }) => sum + Number(count), 0)
    expect(told).toBe(await preemptions())
  })
})
