import { ServingError } from '../../base/errors.ts'
import { wrongType } from '../contract/failures.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import { type Field, optional } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { string } from '../contract/kinds.ts'
import { type Item, list, tagged } from '../contract/objects.ts'

const MAX_BLOCKS = 10_000

/** Prefixes are cached without being asked for. */
export const cacheControl = { cache_control: ignored('cache_control') }

export const textBlock = { ...cacheControl, citations: silent, text: required(string()) }

/** Anthropic: content is a string, which stands for one text block, or blocks. */
export function blocks<T>(block: Item<T>): Field<readonly T[] | undefined> {
  const several = list(block, MAX_BLOCKS)
  return optional({ anyOf: [{ type: 'string' }, several.schema] }, (owner, name) => {
    const value = owner.value(name)
    if (value === undefined) return undefined
    const path = owner.pathOf(name)
    if (typeof value === 'string')
      return [block.read(new Fields({ type: 'text', text: value }, `${path}[0]`))]
    if (!Array.isArray(value)) throw wrongType(path, 'a string or an array of content blocks', value)
    return several.read(owner, name)
  })
}

/** Content that can be text only. */
export const textBlocks = blocks(tagged('type', { text: textBlock }, { unknown: unsupportedBlock }))

/** A line each. */
export function linesOf(blocks: readonly { readonly text: string }[]): string {
  return blocks.map(({ text }) => text).join('\n')
}

export function unsupportedBlock(block: Fields): ServingError {
  const param = block.pathOf('type')
  return new ServingError(
    'unsupported_content',
    `Invalid '${param}': content of this type cannot be read here.`,
    {
      param,
    },
  )
}
