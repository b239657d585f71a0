import type { FastifyInstance } from 'fastify'
import type { Vocabulary } from '../../children/protocol.ts'
import { Detokenizer } from '../../text/detokenizer.ts'
import { checkGenerating } from '../access/allowed-models.ts'
import type { Tenant } from '../access/api-keys.ts'
import { renderChat } from '../chat.ts'
import { Fields, invalidValue, missing, unsupported, wrongType } from '../fields.ts'
import { readChat } from '../openai/chat-completions.ts'
import { ignoredFields, readModel } from '../openai/common-fields.ts'
import { sendIgnored } from '../openai/ignored-header.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { watchClient } from '../sse.ts'

/** More are no text of a model. */
const MOST_TOKENS = 1_048_576

/**
 * POST /tokenize and /detokenize. vLLM: `prompt` or `messages`, and `tokens`; llama-server: `content`, whose answers are its
 * own. Control tokens written in a text are text, as in every request.
 */
export function tokenize(app: FastifyInstance, serving: Serving): void {
  app.post('/tokenize', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readOptionalModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const { signal } = watchClient(reply)
    if (fields.value('messages') !== undefined) {
      const chat = readChat(fields, serving, ready, request.tenant)
      readTemplateSwitches(fields)
      const strings = fields.boolean('return_token_strs') ?? false
      sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
      return listed((await renderChat(chat, serving, signal)).tokens, strings, ready)
    }
    const plain = fields.string('content')
    const text = plain ?? fields.string('prompt')
    if (text === undefined)
      throw invalidValue('prompt', "one of 'prompt', 'messages' and 'content' is needed.")
    const special = fields.boolean(plain === undefined ? 'add_special_tokens' : 'add_special')
    const strings = fields.boolean(plain === undefined ? 'return_token_strs' : 'with_pieces') ?? false
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    const tokens = await serving.tokens(text, signal, special ?? plain === undefined)
    if (plain === undefined) return listed(tokens, strings, ready)
    const pieces = piecesOf(tokens, ready.vocabulary)
    return { tokens: strings ? [...tokens].map((id, index) => ({ id, piece: pieces[index] })) : [...tokens] }
  })

  app.post('/detokenize', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readOptionalModel(fields, serving, request.tenant)
    const { vocabulary } = await serving.model()
    const tokens = readTokens(fields, vocabulary)
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    const detokenizer = new Detokenizer(vocabulary, vocabulary.silent)
    const text = tokens.map((token) => detokenizer.push(token)).join('') + detokenizer.flush()
    // vLLM's name for it, and llama-server's.
    return { prompt: text, content: text }
  })
}

/** vLLM: the name may be left out; llama-server knows none. */
function readOptionalModel(fields: Fields, serving: Serving, tenant: Tenant | undefined): void {
  if (fields.value('model') === undefined) checkGenerating(serving, tenant)
  else readModel(fields, serving)
}

/** vLLM: how the chat ends. It always ends where an answer begins. */
function readTemplateSwitches(fields: Fields): void {
  if (fields.boolean('add_generation_prompt') === false)
    throw unsupported('add_generation_prompt', 'A chat is rendered up to where the answer begins.')
  if (fields.boolean('continue_final_message') === true)
    throw unsupported('continue_final_message', 'An answer begins anew.')
  if (fields.boolean('add_special_tokens') === true)
    throw unsupported('add_special_tokens', "A chat has the special tokens of the model's template.")
}

/** vLLM: the answer of /tokenize. */
function listed(tokens: Uint32Array, strings: boolean, { vocabulary, contextSize }: ReadyModel): object {
  return {
    count: tokens.length,
    max_model_len: contextSize,
    tokens: [...tokens],
    token_strs: strings ? piecesOf(tokens, vocabulary) : null,
  }
}

/** The text of each token by itself; a part of a character is a replacement character. */
function piecesOf(tokens: Uint32Array, { bytes, offsets, silent }: Vocabulary): string[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return Array.from(
    tokens,
    (token) => silent.get(token) ?? decoder.decode(bytes.subarray(offsets[token], offsets[token + 1])),
  )
}

function readTokens(fields: Fields, { size }: Vocabulary): readonly number[] {
  const tokens = fields.array('tokens', MOST_TOKENS)
  if (tokens === undefined) throw missing('tokens')
  for (const [index, token] of tokens.entries()) {
    if (typeof token !== 'number') throw wrongType(`tokens[${index}]`, 'a token id', token)
    if (!Number.isInteger(token) || token < 0 || token >= size)
      throw invalidValue(`tokens[${index}]`, `a token id is an integer from 0 to ${size - 1}.`)
  }
  return tokens as readonly number[]
}
