import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { ErrorListener } from '../chat/generations.ts'
import type { Declared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { chatBody, chatHandler } from '../openai/chat-completions.ts'
import { completionBody } from '../openai/completion-request.ts'
import { completionHandler } from '../openai/completions.ts'
import { embeddingsBody, embeddingsHandler } from '../openai/embeddings.ts'
import type { Serving } from '../serving.ts'

export const invocationBodies: readonly Declared[] = [chatBody, completionBody, embeddingsBody]

/** POST /invocations. SageMaker, as vLLM has it: the body of one of OpenAI's endpoints, recognised by `messages`, `prompt` or `input`. */
export function invocations(app: FastifyInstance, serving: Serving, onError: ErrorListener): void {
  const endpoints = {
    messages: chatHandler(serving, onError),
    prompt: completionHandler(serving, onError),
    input: embeddingsHandler(serving),
  }
  app.post('/invocations', { sse: 'manual' }, (request, reply) => {
    const fields = new Fields(request.body)
    const field = (['messages', 'prompt', 'input'] as const).find((name) => fields.has(name))
    if (field !== undefined) return endpoints[field](request, reply)
    throw new ServingError(
      'missing_required_parameter',
      "Missing required parameter: 'messages', 'prompt' or 'input', of an OpenAI chat completion, completion or embedding.",
      { param: 'messages' },
    )
  })
}
