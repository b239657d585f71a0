import { ServingError } from '../../base/errors.ts'
import { wrongType } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { type Field, optional } from '../contract/field.ts'
import { string } from '../contract/kinds.ts'
import { list, tagged } from '../contract/objects.ts'
import { nonEmpty } from './sampling.ts'

const MAX_PARTS = 10_000
/** Where a prefix ends that is worth caching: all are cached. */
export const cacheHints = { cache_control: ignored(), prompt_cache_breakpoint: ignored() }

const parts = list(
  tagged(
    'type',
    {
      text: { ...cacheHints, text: required(string()) },
      refusal: { ...cacheHints, refusal: required(string()) },
    },
    {
      unknown: (part) => {
        const param = part.pathOf('type')
        return new ServingError(
          'unsupported_content',
          `Invalid '${param}': this model reads text only, in parts of type text.`,
          { param },
        )
      },
    },
  ),
  MAX_PARTS,
)

/** OpenAI: `content` of a message or a prediction: a string, or text parts, which are joined. */
export const content: Field<string | undefined> = optional(
  { anyOf: [{ type: 'string' }, { ...parts.schema, minItems: 1 }] },
  (owner, name) => {
    const value = owner.value(name)
    if (value === undefined || typeof value === 'string') return value
    const path = owner.pathOf(name)
    if (!Array.isArray(value)) throw wrongType(path, 'a string or an array of content parts', value)
    const read = nonEmpty(parts.read(owner, name) ?? [], path)
    return read.map((part) => (part.type === 'text' ? part.text : part.refusal)).join('')
  },
)
