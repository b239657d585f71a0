import { ServingError } from '../../base/errors.ts'
import { Fields, missing, wrongType } from '../fields.ts'

const MAX_BLOCKS = 10_000

/** Hears of what a request holds and does not get. */
export type Notice = (field: string) => void

/** Anthropic: content is a string, which stands for one text block, or blocks. */
export function readBlocks(fields: Fields, name: string): Fields[] | undefined {
  const value = fields.value(name)
  if (value === undefined) return undefined
  const path = fields.pathOf(name)
  if (typeof value === 'string') return [new Fields({ type: 'text', text: value }, `${path}[0]`)]
  if (!Array.isArray(value)) throw wrongType(path, 'a string or an array of content blocks', value)
  return fields.objects(name, MAX_BLOCKS)
}

/** Text blocks of content that can be text only, a line each. */
export function readText(fields: Fields, name: string, notice: Notice): string | undefined {
  return readBlocks(fields, name)
    ?.map((block) => {
      const type = requiredString(block, 'type')
      if (type !== 'text') throw unsupportedBlock(block)
      return readTextBlock(block, notice)
    })
    .join('\n')
}

export function readTextBlock(block: Fields, notice: Notice): string {
  noticeCacheControl(block, notice)
  block.skip('citations')
  return requiredString(block, 'text')
}

/** Prefixes are cached without being asked for. */
export function noticeCacheControl(block: Fields, notice: Notice): void {
  if (block.value('cache_control') !== undefined) notice('cache_control')
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

export function requiredString(fields: Fields, name: string, maxLength?: number): string {
  const value = fields.string(name, maxLength)
  if (value === undefined) throw missing(fields.pathOf(name))
  return value
}
