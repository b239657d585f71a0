import {
  count,
  either,
  empty,
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

const rendered = object({ token_ids: list(count) })
const named = { name: text }

/** Of vLLM's, llama-server's and KServe's routes, and this server's own. */
export const serverSchemas = {
  Alive: object({ status: is('alive') }),
  Ready: object({ status: is('ready') }),
  NotReady: object({ status: is('not ready'), reason: text }),
  Version: object({ version: text }),
  Load: object({ server_load: count }),
  TokenizerInfo: object({
    tokenizer_class: text,
    bos_token: orNull(text),
    eos_token: orNull(text),
    pad_token: orNull(text),
    unk_token: orNull(text),
    add_bos_token: flag,
    model_max_length: count,
    chat_template: text,
  }),
  Properties: object({
    model_alias: orNull(text),
    total_slots: count,
    default_generation_settings: object({
      n_ctx: count,
      params: object({ temperature: number, top_p: number, top_k: number, min_p: number }),
    }),
    model_path: orNull(text),
    chat_template: orNull(text),
    bos_token: text,
    eos_token: text,
    modalities: object({ vision: is(false), audio: is(false) }),
    build_info: text,
  }),
  Slots: list(
    object({ id: count, n_ctx: count, is_processing: flag }, { n_prompt_tokens: count, n_decoded: count }),
  ),
  Tokens: either(
    object({ count, max_model_len: count, tokens: list(count), token_strs: orNull(texts) }),
    object({ tokens: either(list(count), list(object({ id: count, piece: text }))) }),
  ),
  Text: object({ prompt: text, content: text }),
  RenderedText: object({ prompt: text }),
  RenderedChat: rendered,
  RenderedPrompts: list(rendered),
  ServerMetadata: object({ ...named, version: text, extensions: empty }),
  ServerLive: object({ live: is(true) }),
  ServerReady: object({ ready: is(true) }),
  ServerNotReady: object({ ready: is(false), reason: text }),
  ModelNames: object({ models: texts }),
  ModelMetadata: object({ ...named, versions: empty, platform: text, inputs: empty, outputs: empty }),
  InferenceReady: object({ ...named, ready: is(true) }),
  InferenceNotReady: object({ ...named, ready: is(false), reason: text }),
  Repository: list(object({ ...named, version: text, state: only('READY', 'UNAVAILABLE'), reason: text })),
} satisfies Readonly<Record<string, Schema>>
