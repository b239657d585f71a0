import type { Vocabulary } from '../../protocol/text-messages.ts'
import { Detokenizer } from '../../text/output/detokenizer.ts'
import { emptyArray, invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { required } from '../contract/fates.ts'
import type { Field, Schema } from '../contract/field.ts'
import { anything } from '../contract/kinds.ts'

export const MAX_PROMPTS = 128

/** OpenAI: a text, or token ids. */
export type Prompt = string | Uint32Array

/** OpenAI: a text or token ids, or several of a kind. */
export function textsOrIds(most: number, text: Schema): Field<unknown> {
  const ids = { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } }
  const several = { type: 'array', minItems: 1, maxItems: most }
  return required(anything({ anyOf: [text, { ...several, items: text }, ids, { ...several, items: ids }] }))
}

export const promptField = textsOrIds(MAX_PROMPTS, { type: 'string' })

/** OpenAI: one prompt or several of a kind. */
export function promptsOf(value: unknown, vocabulary: Vocabulary, controlTokenIds: boolean): Prompt[] {
  const readIds = idReader(vocabulary, controlTokenIds)
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

type IdReader = (items: readonly unknown[], path: string) => Uint32Array

/**
 * Token ids go to native code: each is checked here, and again by the engine.
 * A control token is taken as the first one (a prompt's BOS), and elsewhere only where the operator lets it be.
 */
function idReader({ size, control }: Vocabulary, controlTokenIds: boolean): IdReader {
  const refused = new Set(controlTokenIds ? [] : control)
  return (items, path) => {
    if (items.length === 0) throw emptyArray(path)
    // A million of them are read in some milliseconds: by index, without an iterator.
    const ids = new Uint32Array(items.length)
    for (let index = 0; index < items.length; index++) {
      const item = items[index]
      if (typeof item !== 'number') throw wrongType(`${path}[${index}]`, 'a token id', item)
      if (!Number.isInteger(item) || item < 0 || item >= size) {
        throw invalidValue(path, `a token id is an integer from 0 to ${size - 1}.`)
      }
      if (index > 0 && refused.has(item)) {
        throw invalidValue(
          `${path}[${index}]`,
          `${item} is a control token, which this server takes at the start only.`,
        )
      }
      ids[index] = item
    }
    return ids
  }
}

export function textOf(prompt: Prompt, vocabulary: Vocabulary): string {
  if (typeof prompt === 'string') return prompt
  const detokenizer = new Detokenizer(vocabulary)
  let text = ''
  for (const token of prompt) text += detokenizer.push(token)
  return text + detokenizer.flush()
}
