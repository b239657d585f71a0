import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { ErrorListener } from '../chat/generations.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { invalidValue } from '../contract/failures.ts'
import type { Declared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { modelNotFound } from '../model-names.ts'
import { chatBody, chatHandler } from '../openai/chat-completions.ts'
import { completionBody } from '../openai/completion-request.ts'
import { completionHandler } from '../openai/completions.ts'
import type { Serving } from '../serving.ts'

/** The body of either endpoint. */
export const inferBodies: readonly Declared[] = [chatBody, completionBody]

/** Handler of a POST below `models/`. `rest` is the path from there on, and `verb` the end that it must have. */
export type InferHandler = (
  rest: string,
  verb: ':predict' | '/infer',
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<unknown>

/**
 * KServe: inference by a model's own path, V1 `NAME:predict` and V2 `NAME/infer`, to which inference graphs pass a body on
 * unchanged. It accepts the body of an OpenAI endpoint, recognised by `messages` or `prompt`, and answers as that endpoint does.
 */
export function inferHandler(serving: Serving, onError: ErrorListener): InferHandler {
  const endpoints = { messages: chatHandler(serving, onError), prompt: completionHandler(serving, onError) }
  return async (rest, verb, request, reply) => {
    if (!rest.endsWith(verb)) {
      if (serving.names.includes(rest)) throw onlyRead(reply, verb)
      throw new ServingError('unknown_url', `Invalid URL: a POST to a model's path ends with ${verb}`)
    }
    const name = rest.slice(0, -verb.length)
    if (!serving.names.includes(name) && serving.adapters.find(name) === undefined) throw modelNotFound(name)
    const fields = new Fields(request.body)
    const field = fields.has('messages') ? 'messages' : 'prompt'
    if (!fields.has(field)) throw noOpenAiBody()
    const asked = fields.string('model', 1024)
    if (asked !== undefined && asked !== name) {
      if (serving.strictParams) throw invalidValue('model', 'the path names another model.')
      sendIgnored(reply, serving, ['model'])
    }
    request.body = { ...(request.body as object), model: name }
    return endpoints[field](request, reply)
  }
}

/** The path of a model itself, which describes it. */
function onlyRead(reply: FastifyReply, verb: string): ServingError {
  reply.header('allow', 'GET')
  return new ServingError(
    'method_not_supported',
    `Not allowed to POST to a model (HINT: use GET, or a path that ends with ${verb})`,
  )
}

function noOpenAiBody(): ServingError {
  return new ServingError(
    'missing_required_parameter',
    "Missing required parameter: 'messages' or 'prompt'. This model takes the body of an OpenAI chat completion or completion, not 'instances' or 'inputs'.",
    { param: 'messages' },
  )
}
