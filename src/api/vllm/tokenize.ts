import { setImmediate as others } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Tenant } from '../../http/access/api-keys.ts'
import { arraySlices, numberSlices, SLICE, sendSlices } from '../../http/long-answer.ts'
import { watchClient } from '../../http/sse.ts'
import type { Vocabulary } from '../../protocol/text-messages.ts'
import { Detokenizer } from '../../text/output/detokenizer.ts'
import { fieldsWithoutEffect, withoutEffect } from '../chat/common-fields.ts'
import { chatTokens } from '../chat/count-chat.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { checkListed, MAX_LISTED_TOKENS, tokensOnly } from '../chat/tokens-only.ts'
import { invalidValue, unsupported, wrongType } from '../contract/failures.ts'
import { required } from '../contract/fates.ts'
import { type Declared, type Read, readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { array, flag, string } from '../contract/kinds.ts'
import { checkGenerating, givenModel, modelField, readModel } from '../model-names.ts'
import { chatFields, chatOf } from '../openai/chat-completions.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { shareOf } from '../sharing.ts'

/** Token ids that are read before other requests get the event loop: about a millisecond of work. */
const READ_AT_ONCE = 65_536

/** vLLM's: a text, or a chat. */
const prompt = { model: modelField, add_special_tokens: flag, return_token_strs: flag }
const promptBody = { ...prompt, prompt: string(), ...withoutEffect }
const chatBody = {
  ...prompt,
  ...chatFields,
}
/** llama-server: fields of a request to tokenize a text. */
const contentBody = {
  model: modelField,
  content: string(),
  add_special: flag,
  with_pieces: flag,
  ...withoutEffect,
}

export const tokenizeBodies: readonly Declared[] = [
  { ...promptBody, prompt: required(promptBody.prompt) },
  chatBody,
  { ...contentBody, content: required(contentBody.content) },
]

export const detokenizeBody = {
  model: modelField,
  tokens: required(array({ type: 'integer', minimum: 0 }, MAX_LISTED_TOKENS)),
  ...withoutEffect,
}

/**
 * POST /tokenize and /detokenize. vLLM: `prompt` or `messages`, and `tokens`; llama-server: `content`, which is answered in
 * llama-server's form. Control tokens that are written out in a text are text, as in every request.
 */
export function tokenize(app: FastifyInstance, serving: Serving): void {
  app.post('/tokenize', async (request, reply) => {
    const fields = Fields.ofBody(request)
    checkModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const { signal } = watchClient(reply)
    if (fields.value('messages') !== undefined) {
      const body = readDeclared(fields, chatBody)
      const chat = chatOf(body, serving, ready, request.tenant)
      checkSpecialTokens(body)
      const { return_token_strs: strings = false } = body
      sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
      const { tokens, count } = await chatTokens(chat, serving, signal)
      checkListed(count, 'messages')
      return sendSlices(reply, listed(tokens, strings, ready), count)
    }
    const { text, param, special, strings } = readText(fields)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const estimate = await serving.estimateTokens([text])
    const wanted = { share: shareOf(request.tenant), signal, estimate, most: MAX_LISTED_TOKENS }
    const { tokens, count } = await tokensOnly(wanted, serving, (turn) =>
      serving.prompt({ type: 'tokenize', text, bare: !special }, turn),
    )
    checkListed(count, param)
    const list = param === 'prompt' ? listed : listedPlainly
    return sendSlices(reply, list(tokens, strings, ready), count)
  })

  app.post('/detokenize', async (request, reply) => {
    const fields = Fields.ofBody(request)
    checkModel(fields, serving, request.tenant)
    const { vocabulary } = await serving.model()
    const tokens = await tokensOf(readDeclared(fields, detokenizeBody).tokens, vocabulary)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { name = '' } = request.tenant ?? {}
    serving.reserve(name, tokens.length)()
    serving.spend(name, tokens.length)
    return sendSlices(reply, detokenized(tokens, vocabulary), tokens.length)
  })
}

/** Adapters have the tokens of their model: who may ask for one of them need not name it. */
function checkModel(fields: Fields, serving: Serving, tenant: Tenant | undefined): void {
  if (givenModel(fields) === undefined) checkGenerating(serving, tenant)
  else readModel(fields, serving, tenant)
}

interface AskedText {
  readonly text: string
  readonly param: 'prompt' | 'content'
  /** Whether the model's own first token is put before the text. */
  readonly special: boolean
  readonly strings: boolean
}

function readText(fields: Fields): AskedText {
  if (fields.value('content') !== undefined) {
    const {
      content = '',
      add_special: special = false,
      with_pieces: strings = false,
    } = readDeclared(fields, contentBody)
    return { text: content, param: 'content', special, strings }
  }
  const body = readDeclared(fields, promptBody)
  const { prompt, add_special_tokens: special = true, return_token_strs: strings = false } = body
  if (prompt === undefined)
    throw invalidValue('prompt', "one of 'prompt', 'messages' and 'content' is needed.")
  return { text: prompt, param: 'prompt', special, strings }
}

function checkSpecialTokens(body: Read<typeof chatBody>): void {
  if (body.add_special_tokens === true)
    throw unsupported('add_special_tokens', "A chat has the special tokens of the model's template.")
}

/** vLLM: answer of /tokenize. */
function* listed(
  tokens: Uint32Array,
  strings: boolean,
  { vocabulary, contextSize }: ReadyModel,
): Generator<string> {
  yield `{"count":${tokens.length},"max_model_len":${contextSize},"tokens":`
  yield* numberSlices(tokens)
  yield ',"token_strs":'
  if (strings) yield* arraySlices(tokens, piecesOf(vocabulary))
  else yield 'null'
  yield '}'
}

/** llama-server: answer of /tokenize. */
function* listedPlainly(
  tokens: Uint32Array,
  strings: boolean,
  { vocabulary }: ReadyModel,
): Generator<string> {
  yield '{"tokens":'
  const pieceOf = piecesOf(vocabulary)
  if (strings) yield* arraySlices(tokens, (id) => `{"id":${id},"piece":${pieceOf(id)}}`)
  else yield* numberSlices(tokens)
  yield '}'
}

/** Answer of /detokenize: the text twice, under vLLM's name and llama-server's. */
function* detokenized(tokens: Uint32Array, vocabulary: Vocabulary): Generator<string> {
  yield '{"prompt":"'
  yield* textSlices(tokens, vocabulary)
  yield '","content":"'
  yield* textSlices(tokens, vocabulary)
  yield '"}'
}

/** Text of tokens as the inside of a JSON string, in slices. */
function* textSlices(tokens: Uint32Array, vocabulary: Vocabulary): Generator<string> {
  const detokenizer = new Detokenizer(vocabulary, vocabulary.silent)
  for (let at = 0; at < tokens.length; at += SLICE) {
    let text = ''
    for (const token of tokens.subarray(at, at + SLICE)) text += detokenizer.push(token)
    yield JSON.stringify(text).slice(1, -1)
  }
  yield JSON.stringify(detokenizer.flush()).slice(1, -1)
}

/** Cache of the texts of single tokens, as JSON, by vocabulary. */
const known = new WeakMap<Vocabulary, (string | undefined)[]>()

/** The text of a token by itself, as JSON; a part of a character is a replacement character. */
function piecesOf(vocabulary: Vocabulary): (token: number) => string {
  const { bytes, offsets, silent } = vocabulary
  const pieces = known.get(vocabulary) ?? new Array<string | undefined>(vocabulary.size).fill(undefined)
  known.set(vocabulary, pieces)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return (token) => {
    const piece = pieces[token]
    if (piece !== undefined) return piece
    const text = silent.get(token) ?? decoder.decode(bytes.subarray(offsets[token], offsets[token + 1]))
    const json = JSON.stringify(text)
    pieces[token] = json
    return json
  }
}

/** Reads a client's token ids. Other requests get the event loop between the parts of a long list. */
async function tokensOf(given: readonly unknown[], { size }: Vocabulary): Promise<Uint32Array> {
  const tokens = new Uint32Array(given.length)
  for (let index = 0; index < given.length; index++) {
    const token = given[index]
    if (typeof token !== 'number') throw wrongType(`tokens[${index}]`, 'a token id', token)
    if (!Number.isInteger(token) || token < 0 || token >= size)
      throw invalidValue(`tokens[${index}]`, `a token id is an integer from 0 to ${size - 1}.`)
    tokens[index] = token
    if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await others()
  }
  return tokens
}
