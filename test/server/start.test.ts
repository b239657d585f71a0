import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { StandInHub } from '../models/stand-in-hub.ts'
import { llamaModels } from '../support/llama-source.ts'
import { PROGRAM, startServer } from '../support/server.ts'

const demo = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))

/** Runs the program until it ends by itself. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (bytes) => {
    out += String(bytes)
  })
  child.stderr.on('data', (bytes) => {
    err += String(bytes)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, err }
}

it('the server downloads its model and serves it', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'altiplano-cache-'))
  const hub = new StandInHub()
  await hub.start()
  hub.files.set('demo-Q8_0.gguf', await readFile(demo))
  const server = await startServer([
    '--model',
    'hf:o/demo:Q8_0',
    '--hf-endpoint',
    hub.endpoint,
    '--model-cache',
    cache,
  ])
  try {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 2 }),
    })
    expect(response.status).toBe(200)
  } finally {
    await server.stop()
    await hub[Symbol.asyncDispose]()
    await rm(cache, { recursive: true })
  }
})

it('SIGTERM during a download ends the server at once', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const server = await startServer(['--model', 'hf:o/demo:Q8_0', '--hf-endpoint', endpoint], 'listening')
  try {
    const asked = performance.now()
    expect(await server.stop()).toBe(0)
    // Half of the time that it would be given to drain.
    expect(performance.now() - asked).toBeLessThan(15_000)
  } finally {
    silent.close()
  }
})

it('an unknown flag is refused with the nearest known one', async () => {
  const { code, err } = await run('serve', '--modle', 'x')
  expect([code, err]).toEqual([2, expect.stringContaining('--model')])
})

it.each(['0.0.0.0', '::', '10.1.2.3', 'example.test'])('keys are required to listen on %s', async (host) => {
  const { code, err } = await run('serve', '--host', host, '--port', '0')
  expect([code, err]).toEqual([2, expect.stringContaining('--api-keys')])
})

it('an unreadable file of keys is refused at start with its path', async () => {
  const { code, err } = await run('serve', '--api-keys', '/no/such/keys.yaml', '--port', '0')
  expect([code, err]).toEqual([2, expect.stringContaining('/no/such/keys.yaml')])
})

it('a model file that does not exist is named at start', async () => {
  const { code, err } = await run('serve', '--model', '/no/such/model.gguf', '--port', '0')
  expect([code, err]).toEqual([1, expect.stringContaining('/no/such/model.gguf')])
})

it('a port in use is named at start', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const { code, err } = await run('serve', '--port', String(port))
  holder.close()
  expect([code, err]).toEqual([1, expect.stringContaining(`127.0.0.1:${port}: the port is in use`)])
})

it('altiplano --help lists the flags', async () => {
  const { code, out } = await run('--help')
  expect([code, out]).toEqual([0, expect.stringContaining('--model')])
})

it('altiplano inspect describes a model file', async () => {
  const { code, out } = await run('inspect', demo)
  expect([code, out]).toEqual([0, expect.stringMatching(/Q8_0/)])
})

it('altiplano inspect describes a vocabulary without weights, which is not served', async () => {
  const vocabulary = join(llamaModels(), 'ggml-vocab-phi-3.gguf')
  const { code, out } = await run('inspect', vocabulary)
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/vocabulary without weights\n.*32064 tokens \(llama\)/s),
  ])
  expect(out).not.toContain('slots')
  const server = await startServer(['--model', vocabulary], 'listening')
  const ready = async (): Promise<string> => (await fetch(`${server.url}/health/ready`)).text()
  await expect.poll(ready).toContain('holds a vocabulary and no weights')
  await server.stop()
})

it('altiplano inspect shows the settings that the flags would start the model with', async () => {
  const flags = ['--threads', '3', '--gpu-layers', '0', '--flash-attention', 'off', '--batch-size', '64']
  const { out } = await run('inspect', demo, ...flags)
  expect(out).toMatch(/64 tokens a pass, KV cache of f16\n/)
  expect(out).toMatch(/ 3 threads of \d+ cores, for streams fewer where that is faster\n/)
  expect(out).toMatch(/GPU layers: none; flash attention: off\n/)
})
