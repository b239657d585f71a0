import { ServingError } from '../../base/errors.ts'
import { resultPart } from '../chat/result-content.ts'
import { ignored, required, silent } from '../contract/fates.ts'
import type { Field } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { mapped, string } from '../contract/kinds.ts'
import { type Item, list, tagged, textOr } from '../contract/objects.ts'

const MAX_BLOCKS = 10_000

/** Anthropic: marks of a prefix to cache. They have no effect: every prefix is cached. */
export const cacheControl = { cache_control: ignored('cache_control') }

export const textBlock = { ...cacheControl, citations: silent, text: required(string()) }

/** Anthropic: field of content: blocks, or a string, which stands for one text block. */
export function blocks<T>(block: Item<T>): Field<readonly T[] | undefined> {
  const given = textOr(list(block, MAX_BLOCKS), 'a string or an array of content blocks')
  return mapped(given, (said, path) =>
    typeof said === 'string' ? [block.read(new Fields({ type: 'text', text: said }, `${path}[0]`))] : said,
  )
}

/** Field of content that can be text only. */
export const textBlocks = blocks(tagged('type', { text: textBlock }, { unknown: unsupportedBlock }))

/** Content of a tool's result. */
export const resultBlocks = blocks(resultPart({ text: textBlock }))

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
