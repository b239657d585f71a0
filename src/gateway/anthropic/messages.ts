import type { FastifyInstance } from 'fastify'
import type { Generation } from '../../generation/generation.ts'
import { renderChat, startChat } from '../chat.ts'
import { answerErrors } from '../error-answers.ts'
import { Fields } from '../fields.ts'
import { type StreamSettings, streamEvents } from '../generations.ts'
import { collectChoices } from '../openai/choices.ts'
import { readModel } from '../openai/common-fields.ts'
import { sendIgnored } from '../openai/ignored-header.ts'
import type { Serving } from '../serving.ts'
import { watchClient } from '../sse.ts'
import { messageHead, wireMessage } from './answer.ts'
import { sendAnthropicError } from './errors.ts'
import { eventWriter } from './events.ts'
import { readRequest } from './request.ts'

/** POST /messages and /messages/count_tokens. Anthropic: the Messages API. The instance has the prefix /messages. */
export function anthropicMessages(app: FastifyInstance, serving: Serving, settings: StreamSettings): void {
  answerErrors(app, settings.onError, sendAnthropicError)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id)
  })

  app.post('/', { sse: 'manual' }, async (request, reply) => {
    const fields = new Fields(request.body)
    const model = readModel(fields, serving)
    const ready = await serving.model()
    const { chat, stream, ignored } = readRequest(fields, serving, ready, request.tenant, true)
    sendIgnored(reply, serving, ignored)
    const start = (signal: AbortSignal): Promise<Generation[]> => startChat(chat, ready, serving, signal)
    const head = messageHead(model)
    if (stream) return streamEvents(reply, start, eventWriter(head, chat.maxTokens, request.id), settings)
    let granted: number | undefined
    const [choice] = await collectChoices(reply, async (signal) => {
      const generations = await start(signal)
      granted = generations[0]?.request.maxTokens
      return generations
    })
    if (choice !== undefined) return wireMessage(head, choice, granted !== chat.maxTokens)
  })

  app.post('/count_tokens', async (request, reply) => {
    const fields = new Fields(request.body)
    readModel(fields, serving)
    const { chat, ignored } = readRequest(fields, serving, await serving.model(), request.tenant, false)
    sendIgnored(reply, serving, ignored)
    const prompt = await renderChat(chat, serving, watchClient(reply).signal)
    return { input_tokens: prompt.tokens.length }
  })
}
