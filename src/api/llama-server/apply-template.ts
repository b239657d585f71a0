import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendSlices, stringSlices } from '../../http/long-answer.ts'
import { watchClient } from '../../http/sse.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { chatText, countChat } from '../chat/count-chat.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { checkGenerating, givenModel, modelField, readModel } from '../model-names.ts'
import { chatFields, chatOf } from '../openai/chat-completions.ts'
import type { Serving } from '../serving.ts'

/** llama-server: the body of a chat that is not answered. Its model may be left out. */
export const unansweredChatBody = { model: modelField, ...chatFields }

/** POST /apply-template and /chat/completions/input_tokens. llama-server: the text of a chat as the model reads it, and its length. */
export function applyTemplate(app: FastifyInstance, serving: Serving): void {
  app.post('/apply-template', async (request, reply) => {
    const text = await chatText(await chatIn(request, reply), serving, watchClient(reply).signal)
    return sendSlices(reply, promptSlices(text), text.length)
  })

  app.post('/chat/completions/input_tokens', async (request, reply) => {
    const tokens = await countChat(await chatIn(request, reply), serving, watchClient(reply).signal)
    return { object: 'response.input_tokens', input_tokens: tokens }
  })

  async function chatIn(request: FastifyRequest, reply: FastifyReply): Promise<ChatRequest> {
    const fields = Fields.ofBody(request)
    if (givenModel(fields) === undefined) checkGenerating(serving, request.tenant)
    else readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const chat = chatOf(readDeclared(fields, unansweredChatBody), serving, ready, request.tenant)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    return chat
  }
}

function* promptSlices(text: string): Generator<string> {
  yield '{"prompt":'
  yield* stringSlices(text)
  yield '}'
}
