import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announced } from '../support/kv-event-reader.ts'
import { startServer, type TestServer } from '../support/server.ts'

const python = process.env['ALTIPLANO_TEST_PYTHON']
if (python === undefined) {
  console.warn(
    'libzmq: skipped, ALTIPLANO_TEST_PYTHON names no interpreter with test/clients/requirements.txt',
  )
}

const BLOCK = 16

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

describe.skipIf(python === undefined)('KV events', () => {
  let listens: TestServer
  let calls: TestServer
  let called: string
  beforeAll(async () => {
    called = `tcp://127.0.0.1:${await freePort()}`
    const flags = ['--served-model-name', 'demo', '--slots', '2', '--kv-events-block-size', String(BLOCK)]
    listens = await startServer([
      ...flags,
      ...['--kv-events-endpoint', '@tcp://127.0.0.1:0', '--kv-events-replay-endpoint', '@tcp://127.0.0.1:0'],
    ])
    const config = { enable_kv_cache_events: true, publisher: 'zmq', endpoint: called, topic: 'kv@pod@demo' }
    calls = await startServer([...flags, '--kv-events-config', JSON.stringify(config)])
  })
  afterAll(async () => {
    await Promise.all([listens.stop(), calls.stop()])
  })

  it('libzmq reads KV events, whichever side connects, and gets replays', async () => {
    const { port, replayPort } = announced(listens)
    const env = {
      ...process.env,
      BASE_URL: `${listens.url}/v1`,
      BLOCK: String(BLOCK),
      LIVE: `tcp://127.0.0.1:${port}`,
      REPLAY: `tcp://127.0.0.1:${replayPort}`,
      CALLED: called,
    }
    const script = fileURLToPath(new URL('kv_events_subscriber.py', import.meta.url))
    const { stdout } = await promisify(execFile)(python ?? '', [script], { env })
    expect(stdout).toContain('all checks passed')
  })
})
