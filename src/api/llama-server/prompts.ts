import type { Vocabulary } from '../../protocol/text-messages.ts'
import { emptyArray, invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { required } from '../contract/fates.ts'
import { anything } from '../contract/kinds.ts'
import { MAX_PROMPTS, type Prompt } from '../openai/prompts.ts'
import { tokenIds } from '../openai/token-ids.ts'

/** Most texts and runs of ids in one prompt. */
const MAX_PARTS = 1000

const text = { type: 'string' }
const id = { type: 'integer', minimum: 0 }
const one = { anyOf: [text, { type: 'array', minItems: 1, items: { anyOf: [text, id] } }] }

/** llama-server: a text, or a list of token ids, perhaps with texts among them; or several of these. */
export const promptField = required(
  anything({ anyOf: [...one.anyOf, { type: 'array', minItems: 1, maxItems: MAX_PROMPTS, items: one }] }),
)

/** Reads one prompt, or several. A list with both texts and ids is one prompt, a list of texts several. @throws ServingError */
export function promptsOf(value: unknown, vocabulary: Vocabulary, controlTokenIds: boolean): Prompt[] {
  const refused = new Set(controlTokenIds ? [] : vocabulary.control)
  const read = (prompt: unknown, path: string): Prompt => {
    if (typeof prompt === 'string') return prompt
    if (!Array.isArray(prompt)) throw wrongType(path, 'a string or an array', prompt)
    if (prompt.every((item) => typeof item === 'number'))
      return tokenIds(prompt, path, vocabulary.size, refused, 'start')
    return mixed(prompt, path, vocabulary.size, refused)
  }
  const several = Array.isArray(value) && !value.some((item) => typeof item === 'number')
  if (!several) return [read(value, 'prompt')]
  if (value.length === 0) throw emptyArray('prompt')
  if (value.length > MAX_PROMPTS) throw tooLong('prompt', value.length, MAX_PROMPTS)
  return value.map((prompt, index) => read(prompt, `prompt[${index}]`))
}

/** Pieces of a prompt: texts, and runs of ids. Control tokens are taken at its start only. */
function mixed(
  items: readonly unknown[],
  path: string,
  size: number,
  refused: ReadonlySet<number>,
): (string | Uint32Array)[] {
  const parts: (string | number[])[] = []
  for (const [index, item] of items.entries()) {
    const last = parts.at(-1)
    if (typeof item === 'string') parts.push(item)
    else if (typeof item !== 'number') throw wrongType(`${path}[${index}]`, 'a string or a token id', item)
    else if (index > 0 && refused.has(item))
      throw invalidValue(
        `${path}[${index}]`,
        `${item} is a control token, which this server takes at the start only.`,
      )
    else if (Array.isArray(last)) last.push(item)
    else parts.push([item])
  }
  if (parts.length > MAX_PARTS) throw tooLong(path, parts.length, MAX_PARTS)
  return parts.map((part) => (typeof part === 'string' ? part : tokenIds(part, path, size, refused, 'start')))
}
