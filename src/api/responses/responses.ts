import type { FastifyInstance } from 'fastify'
import { sendAnswer } from '../../http/slow-answer.ts'
import { watchClient } from '../../http/sse.ts'
import { chatStarter } from '../chat/chat.ts'
import { countChat } from '../chat/count-chat.ts'
import { runEvents, type StreamSettings, streamEvents } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import type { Serving } from '../serving.ts'
import { responseBody, responsesRequest } from './request.ts'
import { ResponseWriter } from './writer.ts'

/** POST /responses and /responses/input_tokens. OpenAI: the Responses API. Nothing is stored between requests. */
export function responses(app: FastifyInstance, serving: Serving, settings: StreamSettings): void {
  app.post('/responses', { sse: 'manual' }, async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const wanted = responsesRequest(readDeclared(fields, responseBody), serving, ready, request.tenant)
    sendIgnored(reply, serving, wanted.ignored)
    reply.header('x-seed', wanted.chat.sampling.seed)
    const start = chatStarter(wanted.chat, ready, serving, reply)
    const writer = new ResponseWriter(model, ready.vocabulary, wanted)
    if (wanted.stream) return streamEvents(reply, start, writer, settings)
    return sendAnswer(
      reply,
      runEvents(reply, start, writer).then(() => writer.response),
      settings.onError,
    )
  })

  app.post('/responses/input_tokens', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const body = readDeclared(fields, responseBody)
    const { chat, ignored } = responsesRequest(body, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignored)
    const tokens = await countChat(chat, serving, watchClient(reply).signal)
    return { object: 'response.input_tokens', input_tokens: tokens }
  })
}
