import { ServingError } from '../base/errors.ts'

type Subject = 'messages' | 'input' | 'prompt'

/**
 * Tokens that the context has room for behind a prompt.
 * @param mayFill whether the prompt may fill it: nothing is to come.
 * @param bound 'at least ' when the count is a lower bound.
 * @throws ServingError context_length_exceeded, in the words that client libraries look for.
 */
export function roomBehind(
  promptTokens: number,
  contextSize: number,
  subject: Subject,
  mayFill = false,
  bound = '',
): number {
  if (promptTokens < contextSize || (mayFill && promptTokens === contextSize))
    return contextSize - promptTokens
  throw exceeded(
    contextSize,
    subject,
    `your ${subject} resulted in ${bound}${promptTokens} tokens. Please reduce the length of the ${subject}.`,
  )
}

/** @throws ServingError context_length_exceeded where so many tokens do not fit behind a prompt. */
export function checkRoom(promptTokens: number, wanted: number, contextSize: number, subject: Subject): void {
  if (promptTokens + wanted <= contextSize) return
  throw exceeded(
    contextSize,
    subject,
    `you requested ${promptTokens + wanted} tokens (${promptTokens} in the ${subject}, ${wanted} in the completion). Please reduce the length of the ${subject} or completion.`,
  )
}

function exceeded(contextSize: number, param: Subject, what: string): ServingError {
  const limit = `This model's maximum context length is ${contextSize} tokens.`
  return new ServingError('context_length_exceeded', `${limit} However, ${what}`, { param })
}
