import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { chunksOf, namedEvents, postJson } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type TypedValue, typeErrors } from '../support/type-check.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer
beforeAll(async () => {
  const path = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(path)
  server = await startServer([
    ...[
      '--slots',
      '2',
      '--embedding-model',
      path,
      '--embedding-model-name',
      'vectors',
      '--embedding-context-size',
      '64',
    ],
  ])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const model = 'altiplano-demo'
const messages = [{ role: 'user', content: 'What is the weather in Paris?' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }]
const thinking = { chat_template_kwargs: { enable_thinking: true } }
const schema = { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'] }

const chats = [
  {},
  { tools, n: 2 },
  { logprobs: true, top_logprobs: 2, stop: ['.'] },
  { ...thinking, max_tokens: 40 },
  { tools, tool_choice: 'required', max_tokens: 6 },
  { response_format: { type: 'json_schema', json_schema: { name: 'sum', schema } } },
]
const completions = [{}, { logprobs: 2, echo: true }, { n: 2, max_tokens: 3 }]
const responses = [
  {},
  { tools: tools.map(({ function: one }) => ({ type: 'function', strict: false, ...one })) },
  { ...thinking, max_output_tokens: 60 },
  { include: ['message.output_text.logprobs'], top_logprobs: 1, max_output_tokens: 3 },
]
const claude = [
  {},
  { tools: [{ name: 'get_weather', input_schema: parameters }] },
  { thinking: { type: 'enabled', budget_tokens: 1024 } },
]

/**
 * OpenAI streams completions with null for a reason that is not known yet, and has null for the first token of a prompt,
 * which its library does not say.
 */
const completionType = `
import type OpenAI from 'openai'
type Nulls<T> = T extends (infer I)[] ? (I | null)[] : T
type Logprobs = { [K in keyof OpenAI.CompletionChoice.Logprobs]: Nulls<OpenAI.CompletionChoice.Logprobs[K]> }
interface Choice extends Omit<OpenAI.CompletionChoice, 'finish_reason' | 'logprobs'> {
  finish_reason: OpenAI.CompletionChoice['finish_reason'] | null
  logprobs: Logprobs | null
}
interface Completion extends Omit<OpenAI.Completion, 'choices'> { choices: Choice[] }`

/** Every answer to these bodies, whole and streamed. */
async function answers(
  path: string,
  common: object,
  bodies: readonly object[],
  [whole, part]: readonly [string, string],
  read: (response: Response) => Promise<unknown[]>,
): Promise<TypedValue[]> {
  const url = server.url + path
  const typed: TypedValue[] = []
  for (const body of bodies) {
    const asked = { model, max_tokens: 80, temperature: 0, ...common, ...body }
    typed.push({ type: whole, value: await (await postJson(url, asked)).json() })
    const stream = await postJson(url, { ...asked, stream: true })
    typed.push(...(await read(stream)).map((value) => ({ type: part, value })))
  }
  return typed
}

describe('types of the client libraries', () => {
  const usage = { stream_options: { include_usage: true } }
  const withUsage = async (response: Response): Promise<unknown[]> => chunksOf(response)

  it("chats and completions are of the types of OpenAI's library", async () => {
    const values = [
      ...(await answers(
        '/v1/chat/completions',
        { messages },
        chats,
        ['OpenAI.ChatCompletion', 'OpenAI.ChatCompletionChunk'],
        withUsage,
      )),
      ...(await answers(
        '/v1/completions',
        { prompt: 'The capital of France is' },
        completions,
        ['Completion', 'Completion'],
        withUsage,
      )),
    ]
    const told = await postJson(`${server.url}/v1/chat/completions`, {
      model,
      messages,
      stream: true,
      ...usage,
    })
    for (const value of await chunksOf(told)) values.push({ type: 'OpenAI.ChatCompletionChunk', value })
    expect(values.length).toBeGreaterThan(100)
    expect(await typeErrors(completionType, values)).toEqual([])
  })

  it("responses, embeddings and models are of the types of OpenAI's library", async () => {
    const of = 'OpenAI.Responses'
    const values = await answers(
      '/v1/responses',
      { input: messages, max_tokens: undefined },
      responses,
      [`${of}.Response`, `${of}.ResponseStreamEvent`],
      namedEvents,
    )
    // The library adds the text of all the output to a response.
    for (const { type, value } of values)
      if (type === `${of}.Response`) Object.assign(value as object, { output_text: '' })
      else if ('response' in (value as object))
        Object.assign((value as { response: object }).response, { output_text: '' })
    for (const encoding_format of ['float', 'base64']) {
      const body = { model: 'vectors', input: ['a', 'b'], encoding_format }
      const value = (await (await postJson(`${server.url}/v1/embeddings`, body)).json()) as {
        data: unknown[]
      }
      // The library's type is of what it has decoded.
      if (encoding_format === 'base64')
        for (const one of value.data) Object.assign(one as object, { embedding: [] })
      values.push({ type: 'OpenAI.CreateEmbeddingResponse', value })
    }
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: unknown[] }
    for (const value of data) values.push({ type: 'OpenAI.Model', value })
    expect(values.length).toBeGreaterThan(50)
    expect(await typeErrors("import type OpenAI from 'openai'", values)).toEqual([])
  })

  it("messages are of the types of Anthropic's library", async () => {
    const values = await answers(
      '/v1/messages',
      { messages },
      claude,
      ['Anthropic.Message', 'Anthropic.RawMessageStreamEvent'],
      async (response) => (await namedEvents(response)).filter(({ type }) => type !== 'ping'),
    )
    expect(values.length).toBeGreaterThan(30)
    for (const { value } of values) addCitations(value)
    expect(await typeErrors("import type Anthropic from '@anthropic-ai/sdk'", values)).toEqual([])
  })

  it("an answer that lacks a field, or has one of another kind, is of no library's type", async () => {
    const message = { role: 'assistant', content: 'Hi', refusal: null }
    const choice = { index: 0, message, logprobs: null, finish_reason: 'stop' }
    const chat = { id: 'a', object: 'chat.completion', created: 1, model, choices: [choice] }
    const wrong = [
      { ...chat, id: undefined },
      { ...chat, choices: [{ ...choice, finish_reason: 'done' }] },
      { ...chat, choices: [{ ...choice, message: { role: 'assistant', content: 'Hi' } }] },
    ]
    const typed = [chat, ...wrong].map((value) => ({ type: 'OpenAI.ChatCompletion', value }))
    expect(await typeErrors("import type OpenAI from 'openai'", typed)).toEqual(
      wrong.map((_, index) => expect.stringContaining(`values.ts(${index + 4},`)),
    )
  })
})

/** Adds what the library's type of a text says is always there. Anthropic leaves it out where there are none, and Vercel's client takes no null. */
function addCitations(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if ('type' in value && value.type === 'text') Object.assign(value, { citations: null })
  for (const one of Object.values(value)) addCitations(one)
}
