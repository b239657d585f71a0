import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Tenant } from '../../http/access/api-keys.ts'
import { sendAnswer } from '../../http/slow-answer.ts'
import { withBegunAnswer } from '../chat/begun-answer.ts'
import { type ChatRequest, chatStarter } from '../chat/chat.ts'
import { type Choice, collectChoices } from '../chat/collect.ts'
import {
  fieldsWithoutEffect,
  type StreamOptions,
  streamFields,
  streamOptionsOf,
  withoutEffect,
} from '../chat/common-fields.ts'
import type { ErrorListener } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { finishReason, wireCall, wireDelta, wireReasoning } from '../chat/tool-calls.ts'
import { wireTimings, wireUsage } from '../chat/wire-timings.ts'
import { checkOneOf } from '../contract/checks.ts'
import { invalidValue, unsupported } from '../contract/failures.ts'
import { refused } from '../contract/fates.ts'
import { type Read, readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { array, checked, flag } from '../contract/kinds.ts'
import { modelField, readModel } from '../model-names.ts'
import type { ApiHandler, ReadyModel, Serving } from '../serving.ts'
import { chatOptionFields, chatOptionsOf } from './chat-options.ts'
import { type ChunkWriter, streamChoices } from './choices.ts'
import { wireLogprobs } from './logprobs.ts'
import { messageFields, messagesOf } from './messages.ts'

const modalities = checked(array({ enum: ['text'] }, 8), {}, (wanted, path) => {
  for (const modality of wanted) checkOneOf(path, modality, ['text'])
})

/** OpenAI: fields of a chat on any path that takes one, without its model. */
export const chatFields = {
  audio: refused('This server produces text only.'),
  functions: refused("It is deprecated. Use 'tools'."),
  function_call: refused("It is deprecated. Use 'tool_choice'."),
  moderation: refused('This server does not moderate.'),
  web_search_options: refused('This server does not search the web.'),
  chat_template: refused("Only the model's own template is used."),
  modalities,
  // vLLM's: how the prompt ends.
  add_generation_prompt: flag,
  continue_final_message: flag,
  ...messageFields,
  ...chatOptionFields,
  ...streamFields,
  ...withoutEffect,
}

export const chatBody = { model: modelField, ...chatFields }

/** POST /chat/completions. OpenAI: chat completions, streamed and not. */
export function chatCompletions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/chat/completions', { sse: 'manual' }, chatHandler(serving, onError))
}

/** Handler of POST /chat/completions, for other paths to the same endpoint. */
export function chatHandler(serving: Serving, onError: ErrorListener): ApiHandler {
  return async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const chat = chatOf(readDeclared(fields, chatBody), serving, ready, request.tenant)
    const ignored = fieldsWithoutEffect(fields, serving.strictParams)
    sendIgnored(reply, serving, [...ignored, ...chat.tools.ignored, ...chat.thinking.ignored])
    reply.header('x-seed', chat.sampling.seed)
    const head = {
      id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model,
      system_fingerprint: ready.fingerprint,
    }
    const start = chatStarter(chat, ready, serving, reply)
    if (chat.stream) return streamChoices(reply, start, chunkWriter(head, ready), chat.reportUsage, onError)
    return sendAnswer(
      reply,
      collectChoices(reply, start).then((choices) => wireChat(head, choices, ready)),
      onError,
    )
  }
}

/** Makes a chat of OpenAI's fields. @throws ServingError where they do not go together, or with this model. */
export function chatOf(
  body: Read<typeof chatFields> & { readonly model: string | undefined },
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ChatRequest & StreamOptions {
  const chat = { messages: messagesOf(body), ...chatOptionsOf(body, serving, ready, tenant) }
  return { ...withEnding(chat, body, ready), ...streamOptionsOf(body) }
}

/**
 * vLLM: `continue_final_message` goes on with the answer that comes last, `add_generation_prompt` begins another. llama-server: without
 * either, an answer that comes last is gone on with. @throws ServingError.
 */
function withEnding(chat: ChatRequest, body: Read<typeof chatFields>, { info }: ReadyModel): ChatRequest {
  const { add_generation_prompt: begins, continue_final_message: goesOn } = body
  if (begins === true && goesOn === true)
    throw invalidValue(
      'continue_final_message',
      "it contradicts 'add_generation_prompt': an answer goes on, or another begins.",
    )
  if (begins === false && goesOn !== true)
    throw unsupported('add_generation_prompt', 'A chat is rendered up to where the answer begins.')
  if (begins === true || goesOn === false) return chat
  return withBegunAnswer(chat, info.chat, goesOn === true ? 'continue_final_message' : undefined)
}

interface ResponseHead {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly system_fingerprint: string
}

function wireChat(head: ResponseHead, choices: readonly Choice[], { vocabulary }: ReadyModel): object {
  const first = choices[0]
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: choices.map((choice, index) => ({
      index,
      message: wireMessage(choice),
      logprobs: wireLogprobs(choice.tokens, vocabulary),
      finish_reason: finishReason(choice.end, choice.calls.length > 0),
    })),
    usage: wireUsage(choices.map(({ end }) => end.usage)),
    ...(first === undefined ? {} : { timings: wireTimings(first.end.timings) }),
  }
}

/** OpenAI: message of a choice. Content is null beside calls; an empty list of calls is left out. */
function wireMessage({ text, reasoning, calls }: Choice): object {
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || reasoning !== '') ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : wireReasoning(reasoning)),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(wireCall) }),
  }
}

/** OpenAI: role once, then thought, content and calls, then an empty delta with the reason. */
function chunkWriter(
  { id, created, model, system_fingerprint }: ResponseHead,
  { vocabulary }: ReadyModel,
): ChunkWriter {
  const chunk = (
    index: number,
    delta: object,
    reason: string | null,
    logprobs: object | null = null,
  ): object => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    system_fingerprint,
    choices: [{ index, delta, logprobs, finish_reason: reason }],
  })
  const withCalls = new Set<number>()
  return {
    first: (index) => chunk(index, { role: 'assistant', content: '' }, null),
    part: (index, part) => {
      if (part.type === 'call') withCalls.add(index)
      const logprobs = part.type === 'text' ? wireLogprobs(part.tokens, vocabulary) : null
      return chunk(index, wireDelta(part), null, logprobs)
    },
    finish: (index, end) => ({
      ...chunk(index, {}, finishReason(end, withCalls.has(index))),
      timings: wireTimings(end.timings),
    }),
    usage: (ends) => ({
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      system_fingerprint,
      choices: [],
      usage: wireUsage(ends.map((end) => end.usage)),
    }),
  }
}
