import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Announced, announced, KvEventReader } from '../support/kv-event-reader.ts'
import { writeLoraAdapter } from '../support/lora-adapter.ts'
import { idle, metric } from '../support/metrics.ts'
import { PATIENCE } from '../support/patience.ts'
import { signalChild } from '../support/processes.ts'
import { random } from '../support/random.ts'
import { startServer, type TestServer, untilReady } from '../support/server.ts'
import { ZmqClient } from '../support/zmq-client.ts'

const BLOCK = 16
/** Machines may be busy. */

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer
let live: ZmqClient
let ports: Announced
const reader = new KvEventReader(BLOCK)

beforeAll(async () => {
  mkdirSync(join(folder, 'adapters'))
  const adapter = join(folder, 'adapters', 'a.gguf')
  await writeLoraAdapter(adapter, 3, 1)
  server = await startServer([
    ...['--served-model-name', 'demo', '--slots', '3', '--context-size', '1024', '--control-token-ids'],
    // What is read back from outside of the slots is found, too, and is not told.
    ...['--kv-cache-ram', '0', '--lora-modules', `a=${adapter}`, '--lora-dir', join(folder, 'adapters')],
    ...['--kv-events-endpoint', '@tcp://127.0.0.1:0', '--kv-events-replay-endpoint', '@tcp://127.0.0.1:0'],
    ...['--block-size', String(BLOCK)],
  ])
  ports = announced(server)
  live = await ZmqClient.connect(ports.port, 'SUB')
  live.subscribe('kv@')
  reader.read(await live.next())
})
afterAll(async () => {
  live.close()
  await server.stop()
  rmSync(folder, { recursive: true })
})

async function post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  const text = await answer.text()
  return (/^[{[]/.test(text) ? JSON.parse(text) : text) as T
}

/** What the render endpoints tell. */
async function rendered(path: string, body: object): Promise<readonly number[]> {
  type Rendered = { readonly token_ids: readonly number[] }
  const answer = await post<Rendered | readonly [Rendered]>(`${path}/render`, body)
  return 'token_ids' in answer ? answer.token_ids : answer[0].token_ids
}

/** Hears all that has been told so far. */
async function catchUp(): Promise<void> {
  const told = BigInt(await metric(server.url, 'altiplano_kv_event_batches_published_total'))
  while (reader.next < told) {
    const { topic } = reader.read(await live.next())
    expect(topic).toBe(ports.topic)
  }
}

async function settle(): Promise<void> {
  await vi.waitUntil(() => idle(server.url), PATIENCE)
  await catchUp()
}

interface Usage {
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } }
}

const adapterOf = (model: string): string | null => (model === 'demo' ? null : model)

/** What the engine finds of a prompt is what was told of it. */
async function checkFound(model: string, ids: readonly number[]): Promise<number> {
  await settle()
  const told = Math.min(reader.longest(ids, adapterOf(model)), Math.floor((ids.length - 1) / BLOCK))
  const { usage } = await post<Usage>('completions', { model, prompt: ids, max_tokens: 1 })
  expect(Math.floor(usage.prompt_tokens_details.cached_tokens / BLOCK)).toBe(told)
  return told
}

const words = 'rivers mountains salt llamas stars winds lakes stones birds roads clouds bread'.split(' ')
const below = random(11)
const text = (seed: number): string =>
  Array.from(
    { length: 30 + (seed % 3) * 20 },
    (_, index) => words[(seed * 7 + index * index) % words.length],
  ).join(' ')
const chat = (system: number, user: number) => ({
  messages: [
    { role: 'system', content: text(system) },
    { role: 'user', content: text(user) },
  ],
})

it('the topic of KV events names the pod and the model', () => {
  expect(ports.topic).toMatch(/^kv@[0-9a-f.:]+:0@demo$/)
})

it.each([
  ['chat/completions', { ...chat(1, 2), max_completion_tokens: 1 }],
  ['completions', { prompt: text(5), max_tokens: 1 }],
])('KV events have the same token ids as %s/render', async (path, body) => {
  for (const model of ['demo', 'a']) {
    const token_ids = await rendered(path, { model, ...body })
    expect(reader.longest(token_ids, adapterOf(model))).toBeLessThan(Math.floor(token_ids.length / BLOCK))
    await post(path, { model, ...body })
    await catchUp()
    expect(reader.longest(token_ids, adapterOf(model))).toBe(Math.floor(token_ids.length / BLOCK))
  }
})

it('KV events match the cache of the engine after copies, adapters, cancels and evictions', async () => {
  const prompts: { model: string; ids: readonly number[] }[] = []
  let found = 0
  for (let round = 0; round < 8; round++) {
    const requests = Array.from({ length: 5 }, async () => {
      const model = below(3) === 0 ? 'a' : 'demo'
      const body = { model, ...chat(below(3), below(6)) }
      prompts.push({ model, ids: await rendered('chat/completions', body) })
      const patience = below(4) === 0 ? AbortSignal.timeout(5 + below(60)) : undefined
      const more = {
        n: 1 + below(3),
        max_completion_tokens: 1 + below(40),
        stream: below(2) === 0,
        ignore_eos: true,
      }
      await post('chat/completions', { ...body, ...more }, patience).catch((error) => {
        if (patience?.aborted !== true) throw error
      })
    })
    await Promise.all(requests)
    for (let look = 0; look < 4; look++) {
      const { model, ids } = prompts[below(prompts.length)] ?? { model: 'demo', ids: [1] }
      found += await checkFound(model, ids)
    }
  }
  expect(found).toBeGreaterThan(30)
})

it('KV events leave out salted prompts', async () => {
  const body = { model: 'demo', prompt: `salted ${text(9)}`, max_tokens: 20, ignore_eos: true }
  const token_ids = await rendered('completions', body)
  await post('completions', { ...body, cache_salt: 'pepper' })
  await settle()
  expect(reader.longest(token_ids)).toBe(0)
  await post('completions', body)
  await settle()
  expect(reader.longest(token_ids)).toBe(Math.floor(token_ids.length / BLOCK))
})

it('KV events of an adapter end when it is unloaded', async () => {
  const body = { model: 'a', prompt: text(4), max_tokens: 1 }
  const token_ids = await rendered('completions', body)
  await post('completions', body)
  await settle()
  expect(reader.longest(token_ids, 'a')).toBeGreaterThan(0)
  await post('unload_lora_adapter', { lora_name: 'a' })
  await catchUp()
  expect([...reader.blocks.values()].filter(({ adapter }) => adapter !== null)).toEqual([])
  await post('load_lora_adapter', { lora_name: 'b', lora_path: 'a.gguf' })
  await catchUp()
  expect(await checkFound('b', token_ids)).toBeGreaterThan(0)
})

it('KV events clear all blocks when the engine dies, and follow the next engine', async () => {
  const running = post('completions', { model: 'demo', prompt: text(7), max_tokens: 300, ignore_eos: true })
  await vi.waitUntil(async () => {
    await catchUp()
    return reader.blocks.size > 0
  }, PATIENCE)
  signalChild(server.process.pid, 'engine', 'SIGKILL')
  let tags: readonly string[] = []
  while (tags.at(-1) !== 'AllBlocksCleared') tags = reader.read(await live.next()).tags
  expect(reader.blocks.size).toBe(0)
  await running
  await untilReady(server.url)
  const token_ids = await rendered('completions', { model: 'demo', prompt: text(7) })
  expect(await checkFound('demo', token_ids)).toBe(Math.floor((token_ids.length - 1) / BLOCK))
})

it('a replay gives a late subscriber every KV event', async () => {
  await settle()
  const late = new KvEventReader(BLOCK)
  const dealer = await ZmqClient.connect(ports.replayPort, 'DEALER')
  dealer.send(Buffer.alloc(0), Buffer.alloc(8))
  for (;;) {
    const [, topic, sequence, payload] = await dealer.next()
    if (topic === undefined || sequence === undefined || !payload?.length) break
    late.read([topic, sequence, payload])
  }
  dealer.close()
  expect(late.next).toBe(reader.next)
  expect(late.blocks).toEqual(reader.blocks)
  // And to whoever only subscribes.
  const second = await ZmqClient.connect(ports.port, 'SUB')
  second.subscribe('kv@')
  const fresh = new KvEventReader(BLOCK)
  fresh.read(await second.next())
  second.close()
  expect([...fresh.blocks.keys()].sort()).toEqual([...reader.blocks.keys()].sort())
})
