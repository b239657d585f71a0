import { ServingError } from '../../base/errors.ts'
import { type Fields, missing, wrongType } from '../fields.ts'
import { nonEmpty } from './sampling.ts'

const MAX_PARTS = 10_000
/** Where a prefix ends that is worth caching: all are cached. */
export const CACHE_HINTS = ['cache_control', 'prompt_cache_breakpoint']

/** OpenAI: `content` of a message or a prediction: a string, or text parts, which are joined. */
export function readContent(fields: Fields): string | undefined {
  const value = fields.value('content')
  if (value === undefined || typeof value === 'string') return value
  const path = fields.pathOf('content')
  if (!Array.isArray(value)) throw wrongType(path, 'a string or an array of content parts', value)
  const parts = fields.objects('content', MAX_PARTS) ?? []
  return nonEmpty(parts, path).map(readPart).join('')
}

function readPart(part: Fields): string {
  const type = part.string('type')
  if (type === undefined) throw missing(part.pathOf('type'))
  part.ignore(...CACHE_HINTS)
  const field = type === 'refusal' ? 'refusal' : 'text'
  if (type !== 'text' && type !== 'refusal') {
    const param = part.pathOf('type')
    throw new ServingError(
      'unsupported_content',
      `Invalid '${param}': this model reads text only, in parts of type text.`,
      { param },
    )
  }
  const text = part.string(field)
  if (text === undefined) throw missing(part.pathOf(field))
  return text
}
