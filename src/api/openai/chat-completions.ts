import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Generation } from '../../generation/generation.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import { sendAnswer } from '../../http/slow-answer.ts'
import { type ChatRequest, startChat } from '../chat/chat.ts'
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
import type { ChangeListener } from '../chat/structured-output.ts'
import { finishReason, wireCall, wireDelta, wireReasoning } from '../chat/tool-calls.ts'
import { wireTimings, wireUsage } from '../chat/wire-timings.ts'
import { checkOneOf } from '../contract/checks.ts'
import { refused } from '../contract/fates.ts'
import { type Read, readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { array, checked } from '../contract/kinds.ts'
import { readModel, requiredModel } from '../model-names.ts'
import type { ApiHandler, ReadyModel, Serving } from '../serving.ts'
import { chatOptionFields, chatOptionsOf } from './chat-options.ts'
import { type ChunkWriter, streamChoices } from './choices.ts'
import { wireLogprobs } from './logprobs.ts'
import { messageFields, messagesOf } from './messages.ts'

const modalities = checked(array({ enum: ['text'] }, 8), {}, (wanted, path) => {
  for (const modality of wanted) checkOneOf(path, modality, ['text'])
})

/** Of a chat wherever it is sent, but its model. */
export const chatFields = {
  audio: refused('This server produces text only.'),
  functions: refused("It is deprecated. Use 'tools'."),
  function_call: refused("It is deprecated. Use 'tool_choice'."),
  moderation: refused('This server does not moderate.'),
  web_search_options: refused('This server does not search the web.'),
  chat_template: refused("Only the model's own template is used."),
  modalities,
  ...messageFields,
  ...chatOptionFields,
  ...streamFields,
  ...withoutEffect,
}

export const chatBody = { model: requiredModel, ...chatFields }

/** POST /chat/completions. OpenAI: chat completions, streamed and not. */
export function chatCompletions(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/chat/completions', { sse: 'manual' }, chatHandler(serving, onError))
}

/** What the endpoint does, for other paths to it. */
export function chatHandler(serving: Serving, onError: ErrorListener): ApiHandler {
  return async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving)
    const ready = await serving.model()
    const chat = chatOf(readDeclared(fields, chatBody), serving, ready, request.tenant)
    const ignored = fieldsWithoutEffect(fields, serving.strictParams)
    sendIgnored(reply, serving, [...ignored, ...chat.tools.ignored, ...chat.thinking.ignored])
    reply.header('x-seed', chat.sampling.seed)
    const head = {
      id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model,
    }
    const tell: ChangeListener = (paths) => sendIgnored(reply, serving, paths)
    const start = (signal: AbortSignal): Promise<Generation[]> =>
      startChat(chat, ready, serving, signal, tell)
    if (chat.stream) return streamChoices(reply, start, chunkWriter(head, ready), chat.tellUsage, onError)
    return sendAnswer(
      reply,
      collectChoices(reply, start).then((choices) => wireChat(head, choices, ready)),
      onError,
    )
  }
}

/** @throws ServingError. */
export function chatOf(
  body: Read<typeof chatFields> & { readonly model: string | undefined },
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ChatRequest & StreamOptions {
  return {
    messages: messagesOf(body),
    ...chatOptionsOf(body, serving, ready, tenant),
    ...streamOptionsOf(body),
  }
}

interface ResponseHead {
  readonly id: string
  readonly created: number
  readonly model: string
}

function wireChat(head: ResponseHead, choices: readonly Choice[], { vocabulary }: ReadyModel): object {
  const first = choices[0]
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
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

/** OpenAI: content is null beside calls; an empty list of calls is left out. */
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
function chunkWriter({ id, created, model }: ResponseHead, { vocabulary }: ReadyModel): ChunkWriter {
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
      choices: [],
      usage: wireUsage(ends.map((end) => end.usage)),
    }),
  }
}
