import { ServingError } from '../base/errors.ts'

/**
 * Number of tokens that may be generated after a prompt.
 * @param wanted undefined: all that is left.
 * @throws ServingError context_length_exceeded, in the words that client libraries look for.
 */
export function fitInContext(
  promptTokens: number,
  wanted: number | undefined,
  contextSize: number,
  param: 'messages' | 'input' | 'prompt',
  /** 'at least ' when the count is a lower bound. */
  bound = '',
): number {
  const limit = `This model's maximum context length is ${contextSize} tokens.`
  const subject = `your ${param}`
  // A prompt after which nothing is to come may fill the context.
  if (promptTokens >= contextSize && !(wanted === 0 && promptTokens === contextSize)) {
    throw new ServingError(
      'context_length_exceeded',
      `${limit} However, ${subject} resulted in ${bound}${promptTokens} tokens. Please reduce the length of the ${param}.`,
      { param },
    )
  }
  if (wanted === undefined) return contextSize - promptTokens
  if (promptTokens + wanted > contextSize) {
    throw new ServingError(
      'context_length_exceeded',
      `${limit} However, you requested ${promptTokens + wanted} tokens (${promptTokens} in the ${param}, ${wanted} in the completion). Please reduce the length of the ${param} or completion.`,
      { param },
    )
  }
  return wanted
}
