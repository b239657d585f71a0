import type { FastifyReply } from 'fastify'
import type { ServingError } from '../../base/errors.ts'

/** Ollama: body of an error answer, and the last line of a stream that fails. */
export function wireError({ message }: ServingError): { readonly error: string } {
  return { error: message }
}

export function sendOllamaError(reply: FastifyReply, error: ServingError): FastifyReply {
  return reply
    .code(error.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(wireError(error)))
}
