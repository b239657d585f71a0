import type { FastifyReply } from 'fastify'
import type { ServingError } from '../../base/errors.ts'

/** Anthropic: types of errors, by status. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

export interface AnthropicError {
  readonly type: 'error'
  readonly error: { readonly type: string; readonly message: string; readonly details?: object }
  readonly request_id: string
}

/** Anthropic: body of an error answer, and data of an error event. Claude Code shortens a chat when it reads "prompt is too long". */
export function wireError(error: ServingError, requestId: string): AnthropicError {
  const type = TYPES[error.status] ?? (error.status < 500 ? 'invalid_request_error' : 'api_error')
  const tooLong = error.code === 'context_length_exceeded' ? 'prompt is too long: ' : ''
  // With this code, the SDK's tool runner sends the whole conversation each time.
  const details = error.param === 'thread' && {
    details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
  }
  return {
    type: 'error',
    error: { type, message: tooLong + error.message, ...details },
    request_id: requestId,
  }
}

/** Anthropic: status of an error. A full server is 529. */
function statusOf(error: ServingError): number {
  return error.code === 'server_overloaded' ? 529 : error.status
}

export function sendAnthropicError(reply: FastifyReply, error: ServingError): FastifyReply {
  return reply
    .header('request-id', reply.request.id)
    .code(statusOf(error))
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(wireError(error, reply.request.id)))
}
