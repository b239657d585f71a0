import type { Vocabulary } from '../../protocol/text-messages.ts'
import { Detokenizer } from '../../text/output/detokenizer.ts'
import { emptyArray, tooLong, wrongType } from '../contract/failures.ts'
import { required } from '../contract/fates.ts'
import type { Field, Schema } from '../contract/field.ts'
import { anything } from '../contract/kinds.ts'
import { tokenIds } from './token-ids.ts'

export const MAX_PROMPTS = 128

/** OpenAI: a prompt, which is a text or token ids. */
export type Prompt = string | Uint32Array

/** OpenAI: field of a text or token ids, or of several of one kind. */
export function textsOrIds(most: number, text: Schema): Field<unknown> {
  const ids = { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } }
  const several = { type: 'array', minItems: 1, maxItems: most }
  return required(anything({ anyOf: [text, { ...several, items: text }, ids, { ...several, items: ids }] }))
}

export const promptField = textsOrIds(MAX_PROMPTS, { type: 'string' })

/** OpenAI: reads one prompt, or several of one kind. @throws ServingError that names the wrong one. */
export function promptsOf(value: unknown, vocabulary: Vocabulary, controlTokenIds: boolean): Prompt[] {
  // After a prompt's start, control tokens need the operator's leave.
  const refused = new Set(controlTokenIds ? [] : vocabulary.control)
  const readIds = (items: readonly unknown[], path: string): Uint32Array =>
    tokenIds(items, path, vocabulary.size, refused, 'start')
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) throw wrongType('prompt', 'a string or an array', value)
  if (value.length === 0) throw emptyArray('prompt')
  if (typeof value[0] === 'number') return [readIds(value, 'prompt')]
  if (value.length > MAX_PROMPTS) throw tooLong('prompt', value.length, MAX_PROMPTS)
  const texts = typeof value[0] === 'string'
  return value.map((item: unknown, index) => {
    const path = `prompt[${index}]`
    if (texts && typeof item === 'string') return item
    if (!texts && Array.isArray(item)) return readIds(item, path)
    throw wrongType(path, texts ? 'a string, as the first prompt is' : 'an array of token ids', item)
  })
}

export function textOf(prompt: Prompt, vocabulary: Vocabulary): string {
  if (typeof prompt === 'string') return prompt
  const detokenizer = new Detokenizer(vocabulary)
  let text = ''
  for (const token of prompt) text += detokenizer.push(token)
  return text + detokenizer.flush()
}
