import { ServingError } from '../../base/errors.ts'
import { ignored, required } from '../contract/fates.ts'
import { mapped, string } from '../contract/kinds.ts'
import { full, list, tagged, textOr } from '../contract/objects.ts'
import { resultPart } from './result-content.ts'

const MAX_PARTS = 10_000
/** Marks of the end of a prefix that is worth caching. They have no effect: every prefix is cached. */
export const cacheHints = { cache_control: ignored(), prompt_cache_breakpoint: ignored() }

const kinds = {
  text: { ...cacheHints, text: required(string()) },
  refusal: { ...cacheHints, refusal: required(string()) },
}
const parts = list(
  tagged('type', kinds, {
    unknown: (part) => {
      const param = part.pathOf('type')
      return new ServingError(
        'unsupported_content',
        `Invalid '${param}': this model reads text only, in parts of type text.`,
        { param },
      )
    },
  }),
  MAX_PARTS,
)

/** OpenAI: `content` of a message or a prediction: a string, or text parts, which are joined. */
export const content = mapped(textOr(full(parts), 'a string or an array of content parts'), (said) =>
  typeof said === 'string'
    ? said
    : said.map((part) => (part.type === 'text' ? part.text : part.refusal)).join(''),
)

/** OpenAI: `content` of a tool's result. */
export const resultContent = mapped(
  textOr(full(list(resultPart(kinds), MAX_PARTS)), 'a string or an array of content parts'),
  (said) =>
    typeof said === 'string'
      ? said
      : said.map((part) => (part.type === 'refusal' ? part.refusal : part.text)).join(''),
)
