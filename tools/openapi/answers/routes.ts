import { anthropicSchemas } from './anthropic.ts'
import { llamaServerSchemas } from './llama-server.ts'
import { ollamaSchemas } from './ollama.ts'
import { openAiSchemas } from './openai.ts'
import { responsesSchemas } from './responses.ts'
import { either, type Schema } from './schema.ts'
import { serverSchemas } from './server.ts'

/** The schemas of the document that have names. */
export const schemas = {
  ...openAiSchemas,
  ...anthropicSchemas,
  ...responsesSchemas,
  ...serverSchemas,
  ...ollamaSchemas,
  ...llamaServerSchemas,
}

type Name = keyof typeof schemas

/** What a route answers where it does what it was asked for; what else it answers is an error. */
export interface Answers {
  /** By content type; of a stream, each event but [DONE]. */
  readonly content: Readonly<Record<string, Schema>>
  /** Of a probe: what it says with 503. */
  readonly notReady?: Schema
  readonly errors: 'Error' | 'AnthropicError' | 'OllamaError'
}

const json = (name: Name): Answers => ({ content: { 'application/json': schemas[name] }, errors: 'Error' })
/** @param line the name of each line of a stream, where there is one. */
const ofOllama = (name: Name, line?: Name): Answers => ({
  content: {
    'application/json': schemas[name],
    ...(line && { 'application/x-ndjson': either(schemas[line], schemas.OllamaError) }),
  },
  errors: 'OllamaError',
})
const probe = (name: Name, notReady: Name): Answers => ({ ...json(name), notReady: schemas[notReady] })
const other = (type: string): Answers => ({ content: { [type]: {} }, errors: 'Error' })
const streaming = (whole: readonly Name[], events: readonly Name[]): Answers => ({
  content: { 'application/json': anyOf(whole), 'text/event-stream': anyOf(events) },
  errors: 'Error',
})

function anyOf(names: readonly Name[]): Schema {
  const [first, ...more] = names.map((name) => schemas[name])
  return first !== undefined && more.length === 0 ? first : either(...names.map((name) => schemas[name]))
}

const inference = streaming(
  ['ChatCompletion', 'Completion'],
  ['ChatCompletionChunk', 'CompletionChunk', 'Error'],
)

/** By method and path. */
export const answers: Readonly<Record<string, Answers>> = {
  'GET /health': probe('Ready', 'NotReady'),
  'GET /health/live': json('Alive'),
  'GET /ping': probe('Ready', 'NotReady'),
  'POST /ping': probe('Ready', 'NotReady'),
  'GET /health/ready': probe('Ready', 'NotReady'),
  'GET /metrics': other('text/plain'),
  'GET /openapi.json': { content: { 'application/json': { type: 'object' } }, errors: 'Error' },
  'POST /v1/load_lora_adapter': other('text/plain'),
  'POST /v1/unload_lora_adapter': other('text/plain'),
  'POST /v1/embeddings': json('Embeddings'),
  'POST /v1/rerank': json('Ranking'),
  'POST /v1/score': json('Scores'),
  'POST /invocations': streaming(
    ['ChatCompletion', 'Completion', 'Embeddings'],
    ['ChatCompletionChunk', 'CompletionChunk', 'Error'],
  ),
  'GET /version': json('Version'),
  'GET /load': json('Load'),
  'GET /tokenizer_info': json('TokenizerInfo'),
  'GET /props': json('Properties'),
  'GET /slots': json('Slots'),
  'POST /tokenize': json('Tokens'),
  'POST /detokenize': json('Text'),
  'POST /completion': streaming(['LlamaCompletion'], ['LlamaCompletionChunk', 'Error']),
  'POST /infill': streaming(['LlamaCompletion'], ['LlamaCompletionChunk', 'Error']),
  'POST /embedding': json('LlamaEmbeddings'),
  'POST /apply-template': json('RenderedText'),
  'POST /v1/chat/completions/input_tokens': json('ResponseTokens'),
  'POST /v1/chat/completions/render': json('RenderedChat'),
  'POST /v1/completions/render': json('RenderedPrompts'),
  'GET /v1/models': json('Models'),
  'GET /v1/models/{model}': probe('Model', 'ModelNotReady'),
  'POST /v1/chat/completions': streaming(['ChatCompletion'], ['ChatCompletionChunk', 'Error']),
  'POST /v1/completions': streaming(['Completion'], ['CompletionChunk', 'Error']),
  'GET /v2': json('ServerMetadata'),
  'GET /v2/health/live': json('ServerLive'),
  'GET /v2/health/ready': probe('ServerReady', 'ServerNotReady'),
  'GET /v2/models': json('ModelNames'),
  'GET /v2/models/{model}': json('ModelMetadata'),
  'GET /v2/models/{model}/ready': probe('InferenceReady', 'InferenceNotReady'),
  'POST /v2/models/{model}/infer': inference,
  'GET /v2/repository/index': json('Repository'),
  'POST /v2/repository/index': json('Repository'),
  'POST /v1/models/{model}:predict': inference,
  'POST /v1/messages': { ...streaming(['Message'], ['MessageEvent']), errors: 'AnthropicError' },
  'POST /v1/messages/count_tokens': { ...json('MessageTokens'), errors: 'AnthropicError' },
  'GET /api/version': ofOllama('Version'),
  'GET /api/tags': ofOllama('OllamaTags'),
  'GET /api/ps': ofOllama('OllamaLoaded'),
  'POST /api/show': ofOllama('OllamaModel'),
  'POST /api/chat': ofOllama('OllamaChat', 'OllamaChatLine'),
  'POST /api/generate': ofOllama('OllamaAnswer', 'OllamaAnswerLine'),
  'POST /api/embed': ofOllama('OllamaEmbeddings'),
  'POST /api/embeddings': ofOllama('OllamaEmbedding'),
  'POST /v1/responses': streaming(['Response'], ['ResponseEvent']),
  'POST /v1/responses/input_tokens': json('ResponseTokens'),
}

/** Other paths to a route. */
export const aliases: Readonly<Record<string, string>> = {
  '/': '/health/live',
  '/v1/health': '/health',
  '/v1/apply-template': '/apply-template',
  '/v1/reranking': '/v1/rerank',
  '/v2/rerank': '/v1/rerank',
  '/v1/tokenize': '/tokenize',
  '/v1/detokenize': '/detokenize',
}
