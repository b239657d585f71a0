import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ADAPTED_GAP, builtIn, writeLoraAdapter } from '../support/lora-adapter.ts'
import { PATIENCE } from '../support/patience.ts'
import { signalChild } from '../support/processes.ts'
import { type ChatLogprob, expectSame, type Told, toldInChat } from '../support/same-text.ts'
import { startServer, type TestServer, untilReady } from '../support/server.ts'

/** So large that a memorized answer changes. */
const STRONG = 1

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const dir = join(folder, 'adapters')
let server: TestServer
let client: OpenAI

beforeAll(async () => {
  mkdirSync(join(dir, 'b'), { recursive: true })
  await writeLoraAdapter(join(dir, 'a.gguf'), 3, STRONG)
  await writeLoraAdapter(join(dir, 'b', 'adapter.gguf'), 4, STRONG)
  await writeLoraAdapter(join(dir, 'c.gguf'), 5, STRONG)
  await writeLoraAdapter(join(folder, 'outside.gguf'), 6)
  symlinkSync(join(folder, 'outside.gguf'), join(dir, 'link.gguf'))
  const modules = [
    `a=${join(dir, 'a.gguf')}`,
    `'{"name":"publishers/ns/models/b","path":"${join(dir, 'b')}"}'`,
  ]
  server = await startServer([
    ...['--model-name', 'demo', '--slots', '3', '--enable-lora', '--max-lora-rank=8'],
    ...['--lora-modules', ...modules, '--lora-dir', dir],
  ])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'x', maxRetries: 0 })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const messages = [{ role: 'user' as const, content: 'What is the capital of France?' }]
const B = 'publishers/ns/models/b'

const asked = { messages, temperature: 0, max_tokens: 24, logprobs: true, top_logprobs: 5 }

async function said(model: string, more: object = {}): Promise<Told<string>> {
  const answer = await client.chat.completions.create({ ...asked, model, ...more })
  expect(answer.model).toBe(model)
  return toldInChat(answer.choices[0]?.logprobs?.content ?? [])
}

const textOf = ({ tokens }: Told<string>): string => tokens.join('')

const change = (path: string, body: object): Promise<Response> =>
  fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('LoRA adapters', () => {
  it('LoRA adapters are requested as models, and each changes the answer', async () => {
    const [plain, a, b] = [await said('demo'), await said('a'), await said(B)]
    expect(new Set([plain, a, b].map(textOf)).size).toBe(3)
    expect(textOf(plain)).toContain('Paris')
    // All at once they say what they say alone, and none finds another's prompt in the cache.
    const models = ['demo', 'a', B, 'a', 'demo', B]
    const together = await Promise.all(models.map((model) => said(model)))
    expectSame(together, [plain, a, b, a, plain, b], ADAPTED_GAP)
  })

  it('LoRA adapters are listed with their base model', async () => {
    const { data } = await client.models.list()
    expect(data).toEqual([
      expect.objectContaining({ id: 'demo' }),
      expect.objectContaining({ id: 'a', parent: 'demo', root: 'a.gguf' }),
      expect.objectContaining({ id: B, parent: 'demo', root: 'adapter.gguf' }),
    ])
    expect(data[0]).not.toHaveProperty('parent')
  })

  it('LoRA adapters are loaded and unloaded while the server runs', async () => {
    await expect(said('c')).rejects.toMatchObject({ status: 404 })
    const loaded = await change('load_lora_adapter', { lora_name: 'c', lora_path: 'c.gguf' })
    expect([loaded.status, await loaded.text()]).toEqual([
      200,
      "Success: LoRA adapter 'c' added successfully.",
    ])
    const texts = [await said('c'), await said('demo'), await said('a')]
    expect(new Set(texts.map(textOf)).size).toBe(3)
    expect((await change('load_lora_adapter', { lora_name: 'c', lora_path: 'c.gguf' })).status).toBe(400)
    // Another file under the same name is another adapter, and finds nothing of the first in the cache.
    expect(
      (await change('load_lora_adapter', { lora_name: 'c', lora_path: 'a.gguf', load_inplace: true })).status,
    ).toBe(200)
    expectSame([await said('c')], [await said('a')], ADAPTED_GAP)
    const unloaded = await change('unload_lora_adapter', { lora_name: 'c' })
    expect(unloaded.status).toBe(200)
    await expect(said('c')).rejects.toMatchObject({ status: 404 })
    expect((await change('unload_lora_adapter', { lora_name: 'c' })).status).toBe(404)
  })

  it('LoRA adapters are in the metrics that llm-d reads', async () => {
    const running = await client.completions.create({
      ...{ model: 'a', prompt: 'x', max_tokens: 400, stream: true },
      ...{ ignore_eos: true },
    })
    for await (const _ of running as AsyncIterable<unknown>) {
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      expect(metrics).toMatch(
        /^vllm:lora_requests_info\{max_lora="2",running_lora_adapters="a",waiting_lora_adapters="".*\} 1\d{9}/m,
      )
      break
    }
  })

  it.each([
    [
      'a path out of the folder',
      { lora_name: 'x', lora_path: '../outside.gguf' },
      /does not lead into the folder/,
    ],
    ['another place', { lora_name: 'x', lora_path: '/etc/passwd' }, /does not lead into the folder/],
    ['a link out of the folder', { lora_name: 'x', lora_path: 'link.gguf' }, /does not lead into the folder/],
    ['what is not there', { lora_name: 'x', lora_path: 'none.gguf' }, /no such file/],
    ['a name that is taken', { lora_name: 'demo', lora_path: 'c.gguf' }, /a model of this name/],
    ['a bad name', { lora_name: 'a b', lora_path: 'c.gguf' }, /a name has letters/],
    ['no path', { lora_name: 'x' }, /lora_path/],
  ])('a LoRA adapter is refused: %s', async (_what, body, reason) => {
    const answer = await change('load_lora_adapter', body)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(reason)
  })

  const bad: [string, Parameters<typeof writeLoraAdapter>[3], RegExp][] = [
    ['a model', (pairs) => pairs.splice(1, 1), /is not a LoRA adapter/],
    [
      'another architecture',
      (pairs) => pairs.splice(0, 1, ['general.architecture', { text: 'llama' }]),
      /made for llama models/,
    ],
    [
      'another size',
      (_, shapes) => Object.assign(shapes, { 'blk.0.attn_q.weight.lora_a': [8, 4] }),
      /do not fit/,
    ],
    ['half a pair', (_, shapes) => delete shapes['blk.0.attn_q.weight.lora_b'], /has no lora_b/],
    [
      'another tensor',
      (_, shapes) => Object.assign(shapes, { 'output_norm.weight': [8] }),
      /no part of a LoRA adapter/,
    ],
    [
      'a tensor that the model has not',
      (_, shapes) => Object.assign(shapes, { 'x.lora_a': [8, 4], 'x.lora_b': [4, 8] }),
      /has no tensor 'x'/,
    ],
  ]
  it.each(bad)('llama.cpp never reads a malformed LoRA file: %s', async (_what, spoil, reason) => {
    await writeLoraAdapter(join(dir, 'bad.gguf'), 7, 1, spoil)
    const answer = await change('load_lora_adapter', { lora_name: 'bad', lora_path: 'bad.gguf' })
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(reason)
  })

  it('LoRA adapters are loaded again after a crash of the engine, and their streams continue', async () => {
    await change('load_lora_adapter', { lora_name: 'late', lora_path: 'c.gguf' })
    const whole = await said('late', { max_tokens: 120 })
    const stream = await client.chat.completions.create({
      ...asked,
      model: 'late',
      max_tokens: 120,
      stream: true,
    })
    const content: ChatLogprob[] = []
    let killed = false
    for await (const chunk of stream) {
      content.push(...(chunk.choices[0]?.logprobs?.content ?? []))
      if (!killed && content.length > 2) {
        killed = true
        signalChild(server.process.pid, 'engine', 'SIGKILL')
      }
    }
    expect(killed).toBe(true)
    expectSame([toldInChat(content)], [whole], ADAPTED_GAP)
  })
})

describe('a start with LoRA adapters', () => {
  it.each([
    [
      'a file that does not exist',
      ['--lora-modules', `x=${join(folder, 'none.gguf')}`],
      /none.gguf: no such file/,
    ],
    ['a file that is a model', ['--lora-modules', `x=${builtIn}`], /is not a LoRA adapter/],
  ])('the server is not ready with a LoRA adapter from %s', async (_what, flags, reason) => {
    const one = await startServer(flags, 'listening')
    const reasonNow = async (): Promise<string> => (await fetch(`${one.url}/health/ready`)).text()
    await vi.waitFor(async () => expect(await reasonNow()).toMatch(reason), PATIENCE)
    await one.stop()
  })

  it('adapters cannot be changed at run time without the flag that allows it', async () => {
    const one = await startServer([], 'listening')
    await untilReady(one.url)
    const answer = await fetch(`${one.url}/v1/load_lora_adapter`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ lora_name: 'x', lora_path: 'a.gguf' }),
    })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('--lora-dir')
    await one.stop()
  })

  it('only keys of administrators change LoRA adapters', async () => {
    const file = join(folder, 'keys.yaml')
    const [admin, plain] = ['sk-admin-0123456789', 'sk-plain-0123456789']
    writeFileSync(file, `keys: [{ name: admin, key: ${admin}, admin: true }, { name: plain, key: ${plain} }]`)
    const one = await startServer(['--lora-dir', dir, '--api-keys', file])
    const load = async (key: string): Promise<number> => {
      const answer = await fetch(`${one.url}/v1/load_lora_adapter`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ lora_name: 'x', lora_path: 'a.gguf' }),
      })
      return answer.status
    }
    expect([await load('sk-nobody-0123456789'), await load(plain), await load(admin)]).toEqual([
      401, 403, 200,
    ])
    await one.stop()
  })

  it('a malformed list of LoRA adapters is refused at start with a reason', async () => {
    await expect(startServer(['--lora-modules', 'nonsense'])).rejects.toThrow('nonsense is not NAME=PATH')
    writeFileSync(join(folder, 'x'), '')
    await expect(startServer(['--lora-modules', 'x=1', 'x=2'])).rejects.toThrow('the name x is given twice')
  })
})
