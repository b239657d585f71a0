import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendAnswer } from '../../http/slow-answer.ts'
import { plainEvents } from '../../http/stream-format.ts'
import { collectChoices } from '../chat/collect.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import type { ErrorListener } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import { streamChoices } from '../openai/choices.ts'
import { completionStarter } from '../openai/completions.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { chunkWriter, wireCompletion } from './completion-answer.ts'
import {
  completionBody,
  completionOf,
  infillBody,
  infillOf,
  type LlamaCompletion,
} from './completion-request.ts'

/** POST /completion and /infill. llama-server's own: a text is continued, or filled in. */
export function llamaCompletion(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  app.post('/completion', { sse: 'manual' }, (request, reply) =>
    answer(request, reply, (fields, ready) =>
      completionOf(readDeclared(fields, completionBody), serving, ready, request.tenant),
    ),
  )

  app.post('/infill', { sse: 'manual' }, (request, reply) =>
    answer(request, reply, (fields, ready) =>
      infillOf(readDeclared(fields, infillBody), serving, ready, request.tenant),
    ),
  )

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    read: (fields: Fields, ready: ReadyModel) => LlamaCompletion,
  ): Promise<unknown> {
    const fields = Fields.ofBody(request)
    const model = readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const wanted = read(fields, ready)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const start = completionStarter(wanted, ready, serving, reply)
    if (wanted.stream)
      return streamChoices(reply, start, chunkWriter(model, wanted, ready), undefined, onError, plainEvents)
    const whole = collectChoices(reply, start).then((choices) =>
      wireCompletion(model, wanted, choices, ready),
    )
    return sendAnswer(reply, whole, onError)
  }
}
