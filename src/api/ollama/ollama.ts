import type { FastifyInstance, FastifyReply } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { Generation } from '../../generation/generation.ts'
import { answerErrors } from '../../http/error-answers.ts'
import type { Health } from '../../http/health.ts'
import { sendAnswer } from '../../http/slow-answer.ts'
import { ClientGone } from '../../http/sse.ts'
import { jsonLines } from '../../http/stream-format.ts'
import { type ChatRequest, chatStarter } from '../chat/chat.ts'
import { collectChoices } from '../chat/collect.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { type StreamSettings, streamEvents } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import { completionStarter } from '../openai/completions.ts'
import type { Serving } from '../serving.ts'
import { AnswerWriter, asMessage, asResponse } from './answer.ts'
import { chatBody, chatOf } from './chat-request.ts'
import { ollamaEmbeddings } from './embeddings.ts'
import { sendOllamaError } from './errors.ts'
import { generateBody, isRaw, promptChat, rawCompletion } from './generate-request.ts'
import { readTags } from './model-tag.ts'
import { ollamaModels } from './models.ts'

/** Ollama's own API: POST /chat and /generate, which stream by default, embeddings, and facts about the models. The instance has the prefix /api. */
export function ollama(
  app: FastifyInstance,
  serving: Serving,
  health: Health,
  settings: StreamSettings,
): void {
  answerErrors(app, settings.onError, sendOllamaError)
  readTags(app, serving)
  ollamaModels(app, serving, health)
  ollamaEmbeddings(app, serving)
  refuseManagement(app)

  app.post('/chat', { sse: 'manual' }, async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const body = readDeclared(fields, chatBody)
    const writer = new AnswerWriter(model, asMessage, ready)
    const { messages = [], stream = true } = body
    if (messages.length === 0) {
      sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
      return writer.loaded()
    }
    const chat = chatOf(body, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignoredIn(chat, fields, serving))
    reply.header('x-seed', chat.sampling.seed)
    return answer(reply, chatStarter(chat, ready, serving, reply), writer, stream, settings)
  })

  app.post('/generate', { sse: 'manual' }, async (request, reply) => {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const body = readDeclared(fields, generateBody)
    const writer = new AnswerWriter(model, asResponse, ready)
    const { prompt = '', stream = true } = body
    const raw = isRaw(body)
    if (prompt === '' && !raw) {
      sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
      return writer.loaded()
    }
    if (raw) {
      const wanted = rawCompletion(body, serving, ready, request.tenant)
      for (const name of ['system', 'think']) fields.drop(name)
      sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
      reply.header('x-seed', wanted.sampling.seed)
      return answer(reply, completionStarter(wanted, ready, serving, reply), writer, stream, settings)
    }
    const chat = promptChat(body, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignoredIn(chat, fields, serving))
    reply.header('x-seed', chat.sampling.seed)
    return answer(reply, chatStarter(chat, ready, serving, reply), writer, stream, settings)
  })
}

function ignoredIn({ tools, thinking }: ChatRequest, fields: Fields, { strictParams }: Serving): string[] {
  return [...fieldsWithoutEffect(fields, strictParams), ...tools.ignored, ...thinking.ignored]
}

function answer(
  reply: FastifyReply,
  start: (signal: AbortSignal) => Promise<Generation[]>,
  writer: AnswerWriter,
  stream: boolean,
  settings: StreamSettings,
): Promise<unknown> {
  if (stream) return streamEvents(reply, start, writer, settings, jsonLines)
  const whole = collectChoices(reply, start).then(([choice]) => {
    if (choice === undefined) throw new ClientGone('nothing was generated')
    return writer.whole(choice)
  })
  return sendAnswer(reply, whole, settings.onError)
}

/** Routes by which Ollama's clients fetch, make and delete models. They are refused before a body is read. */
function refuseManagement(app: FastifyInstance): void {
  const refuse = async (): Promise<never> => {
    throw new ServingError(
      'not_permitted',
      'Models are not managed over this API: the operator chooses which ones this server has.',
    )
  }
  for (const url of ['/pull', '/push', '/create', '/copy', '/blobs/*'])
    app.post(url, { onRequest: refuse, config: { unread: true } }, refuse)
  app.delete('/delete', { onRequest: refuse }, refuse)
}
