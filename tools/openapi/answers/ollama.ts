import { tokenLogprobs } from './openai.ts'
import {
  anything,
  count,
  either,
  is,
  list,
  number,
  object,
  only,
  type Schema,
  someText,
  text,
  texts,
} from './schema.ts'

const head = { model: text, created_at: text }
const logprobs = { logprobs: tokenLogprobs }
const toolCall = object({
  id: { type: 'string', pattern: '^call_[0-9a-f]{24}$' },
  function: object({ index: count, name: text, arguments: { type: 'object' } }),
})
const end = {
  done: is(true),
  done_reason: only('stop', 'length'),
  total_duration: count,
  load_duration: count,
  prompt_eval_count: count,
  prompt_eval_duration: count,
  eval_count: count,
  eval_duration: count,
}
const loaded = { done: is(true), done_reason: is('load') }
const message = object(
  { role: is('assistant'), content: text },
  { thinking: someText, tool_calls: list(toolCall, { minItems: 1 }) },
)

/** An answer in one piece, that of a request that asks for nothing, and the lines of a stream. */
const answersOf = (
  said: Readonly<Record<string, Schema>>,
  perhaps: Readonly<Record<string, Schema>> = {},
) => {
  const whole = object({ ...head, ...said, ...end }, { ...perhaps, ...logprobs })
  const line = object({ ...head, ...said, done: is(false) }, { ...perhaps, ...logprobs })
  return { whole: either(whole, object({ ...head, ...said, ...loaded })), line: either(line, whole) }
}
const chat = answersOf({ message })
const generate = answersOf({ response: text }, { thinking: someText })

const details = object({
  parent_model: is(''),
  format: is('gguf'),
  family: text,
  families: texts,
  parameter_size: text,
  quantization_level: text,
})
const entry = { name: text, model: text, digest: is(''), details }
const size = { size: count }

/** Ollama's. */
export const ollamaSchemas = {
  OllamaError: object({ error: text }),
  OllamaChat: chat.whole,
  OllamaChatLine: chat.line,
  OllamaAnswer: generate.whole,
  OllamaAnswerLine: generate.line,
  OllamaEmbeddings: object({
    model: text,
    embeddings: list(list(number)),
    total_duration: count,
    load_duration: count,
    prompt_eval_count: count,
  }),
  OllamaEmbedding: object({ embedding: list(number) }),
  OllamaTags: object({ models: list(object({ ...entry, modified_at: text }, size)) }),
  OllamaLoaded: object({ models: list(object({ ...entry, expires_at: text, context_length: count }, size)) }),
  OllamaModel: object({
    modelfile: is(''),
    parameters: text,
    template: text,
    details,
    model_info: { type: 'object', additionalProperties: anything },
    capabilities: list(only('completion', 'tools', 'insert', 'thinking', 'embedding')),
    modified_at: text,
  }),
} satisfies Readonly<Record<string, Schema>>
