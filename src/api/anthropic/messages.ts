import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Generation } from '../../generation/generation.ts'
import { answerErrors } from '../../http/error-answers.ts'
import { sendAnswer } from '../../http/slow-answer.ts'
import { ClientGone, watchClient } from '../../http/sse.ts'
import { type ChatRequest, chatStarter } from '../chat/chat.ts'
import { collectChoices } from '../chat/collect.ts'
import { countChat } from '../chat/count-chat.ts'
import { type StreamSettings, streamEvents } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { isCut } from '../chat/token-limit.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import type { Serving } from '../serving.ts'
import { type MessageHead, messageHead, wireMessage } from './answer.ts'
import { sendAnthropicError } from './errors.ts'
import { eventWriter } from './events.ts'
import { anthropicRequest, countBody, messageBody } from './request.ts'

/** POST /messages and /messages/count_tokens. Anthropic: the Messages API. The instance has the prefix /messages. */
export function anthropicMessages(app: FastifyInstance, serving: Serving, settings: StreamSettings): void {
  answerErrors(app, settings.onError, sendAnthropicError)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id)
  })

  app.post('/', { sse: 'manual' }, async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const body = readDeclared(fields, messageBody)
    const { chat, stream, ignored } = anthropicRequest(body, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignored)
    const start = chatStarter(chat, ready, serving, reply)
    const head = messageHead(model)
    if (stream) return streamEvents(reply, start, eventWriter(head, chat.limit, request.id), settings)
    return sendAnswer(reply, wholeMessage(reply, start, chat, head), settings.onError)
  })

  app.post('/count_tokens', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const body = readDeclared(fields, countBody)
    const { chat, ignored } = anthropicRequest(body, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignored)
    return { input_tokens: await countChat(chat, serving, watchClient(reply).signal) }
  })
}

/** Anthropic: runs a chat to its end and makes one message of it, for requests without `stream`. */
async function wholeMessage(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  { limit }: ChatRequest,
  head: MessageHead,
): Promise<object> {
  let clamped = false
  const [choice] = await collectChoices(reply, async (signal) => {
    const generations = await start(signal)
    clamped = generations.some((generation) => isCut(limit, generation))
    return generations
  })
  if (choice === undefined) throw new ClientGone('nothing was generated')
  return wireMessage(head, choice, clamped)
}
