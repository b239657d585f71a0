import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChatResponse, type Message, Ollama } from 'ollama'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeEmbeddingModel } from '../../support/embedding-model.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const model = 'demo:latest'
const options = { temperature: 0, num_predict: 60 }
let server: TestServer
let client: Ollama

beforeAll(async () => {
  const path = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(path)
  const embeddings = ['--embedding-model', path, '--embedding-model-name', 'vectors']
  server = await startServer(['--served-model-name', 'demo', ...embeddings])
  client = new Ollama({ host: server.url })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const sum: Message = { role: 'user', content: 'What is 17 + 25?' }
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]

it('chats, in one piece and as a stream', async () => {
  const { message } = await client.chat({ model, messages: [sum], options })
  expect(message.content).toContain('42')
  const parts: ChatResponse[] = []
  for await (const part of await client.chat({ model, messages: [sum], options, stream: true }))
    parts.push(part)
  expect(parts.map((part) => part.message.content).join('')).toBe(message.content)
  expect(parts.at(-1)).toMatchObject({ done: true, done_reason: 'stop' })
})

it('a tool is called, and its result is read', async () => {
  const messages: Message[] = [{ role: 'user', content: 'What is the weather in Paris?' }]
  const { message } = await client.chat({ model, messages, tools, options })
  expect(message.tool_calls).toMatchObject([
    { function: { name: 'get_weather', arguments: { city: 'Paris' } } },
  ])
  messages.push(message, { role: 'tool', tool_name: 'get_weather', content: '12 degrees' })
  expect((await client.chat({ model, messages, tools, options })).message.content).toContain('12 degrees')
})

it('an answer is held to a schema, and a thought comes apart', async () => {
  const format = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
  const messages = [{ role: 'user', content: 'Give me a number a.' }]
  expect(
    JSON.parse((await client.chat({ model, messages, format, options })).message.content),
  ).toHaveProperty('a')
  const { thinking } = await client.generate({ model, prompt: 'Hello', think: true, options })
  expect(thinking).toMatch(/\w/)
})

it('generations, vectors and facts about the models come through the client', async () => {
  expect((await client.generate({ model, prompt: 'What is 17 + 25?', options })).response).toContain('42')
  const { embeddings } = await client.embed({ model: 'vectors', input: ['Hello', 'there'] })
  expect(embeddings).toHaveLength(2)
  expect((await client.list()).models.map(({ name }) => name)).toEqual(['demo', 'vectors'])
  expect((await client.ps()).models).toHaveLength(2)
  expect((await client.show({ model })).capabilities).toContain('tools')
})

it('a stream can be left, and errors have their status', async () => {
  const stream = await client.chat({ model, messages: [sum], options: { num_predict: 1500 }, stream: true })
  await expect(async () => {
    for await (const _ of stream) stream.abort()
  }).rejects.toThrow(/abort/i)
  await expect(client.chat({ model: 'nobody', messages: [sum] })).rejects.toMatchObject({ status_code: 404 })
  await expect(client.pull({ model: 'nobody' })).rejects.toMatchObject({ status_code: 403 })
})
