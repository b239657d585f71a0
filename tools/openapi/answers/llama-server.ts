import { openAiSchemas } from './openai.ts'
import {
  count,
  either,
  flag,
  is,
  list,
  number,
  object,
  only,
  orNull,
  type Schema,
  text,
  texts,
} from './schema.ts'

const byte: Schema = { type: 'integer', minimum: 0, maximum: 255 }
const token = { id: count, token: text, bytes: orNull(list(byte)), logprob: { type: 'number', maximum: 0 } }
const probabilities = {
  completion_probabilities: list(object({ ...token, top_logprobs: list(object(token)) })),
}

const settings = object({
  seed: count,
  temperature: number,
  top_k: count,
  top_p: number,
  min_p: number,
  repeat_penalty: number,
  repeat_last_n: count,
  presence_penalty: number,
  frequency_penalty: number,
  n_predict: { type: 'integer', minimum: -1 },
  n_probs: count,
  stop: texts,
  ignore_eos: flag,
  stream: flag,
})

const said = { index: count, content: text, tokens: list(count) }
const completion = object(
  {
    ...said,
    model: text,
    prompt: text,
    stop: is(true),
    stop_type: only('eos', 'word', 'limit'),
    stopping_word: text,
    truncated: is(false),
    has_new_line: flag,
    tokens_predicted: count,
    tokens_evaluated: count,
    tokens_cached: count,
    generation_settings: settings,
    timings: openAiSchemas.Timings,
  },
  probabilities,
)

/** llama-server's own. */
export const llamaServerSchemas = {
  LlamaCompletion: either(completion, list(completion)),
  LlamaEmbeddings: list(object({ index: count, embedding: list(list(number)) })),
  LlamaCompletionChunk: either(object({ ...said, stop: is(false) }, probabilities), completion),
} satisfies Readonly<Record<string, Schema>>
