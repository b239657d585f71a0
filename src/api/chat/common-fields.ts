import { ServingError } from '../../base/errors.ts'
import { tell } from '../field-reads.ts'
import { type Fields, unsupported } from '../fields.ts'

/** Fields that tune cost, routing or telemetry only: taken, checked, and said to be without effect. */
const WITHOUT_EFFECT = [
  'metadata',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'user',
  'verbosity',
]

export interface StreamOptions {
  readonly stream: boolean
  /** Undefined: no chunk tells it. */
  readonly tellUsage: 'at the end' | 'always' | undefined
}

export function readStreamOptions(fields: Fields): StreamOptions {
  const stream = fields.boolean('stream') ?? false
  const options = readStreamOptionsObject(fields, stream)
  const wanted = options?.boolean('include_usage') ?? false
  // vLLM's.
  const always = options?.boolean('continuous_usage_stats') ?? false
  if (always && !wanted) options?.drop('continuous_usage_stats')
  return { stream, tellUsage: wanted ? (always ? 'always' : 'at the end') : undefined }
}

/** OpenAI: `stream_options`, for streams only. Nothing is obfuscated. */
export function readStreamOptionsObject(fields: Fields, stream: boolean): Fields | undefined {
  const options = fields.object('stream_options')
  if (options !== undefined && !stream) {
    throw new ServingError(
      'invalid_value',
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      {
        param: 'stream_options',
      },
    )
  }
  options?.boolean('include_obfuscation')
  return options
}

/** Refuses fields whose loss would change the answer's meaning. */
export function refuse(fields: Fields, names: Readonly<Record<string, string>>): void {
  for (const [name, reason] of Object.entries(names)) {
    tell({ path: name, refused: reason })
    const value = fields.value(name)
    if (value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)) {
      throw unsupported(name, reason)
    }
  }
}

/**
 * What this request asked for and does not get. To be asked last: the fields are let go.
 * @throws ServingError unknown_parameter in strict mode.
 */
export function ignoredFields(fields: Fields, strict: boolean): string[] {
  checkLabels(fields)
  return fieldsWithoutEffect(fields, WITHOUT_EFFECT, strict)
}

/**
 * Those of the names that are there, and all that nobody read, in objects within, too; of a field that many items of a list
 * have the first. To be asked last: the fields are let go.
 * @throws ServingError unknown_parameter in strict mode.
 */
export function fieldsWithoutEffect(fields: Fields, names: readonly string[], strict: boolean): string[] {
  for (const path of names) tell({ path, ignored: true })
  const named = names.filter((name) => fields.value(name) !== undefined)
  const unknown = firstOfEach(fields.unread())
  if (strict && unknown[0] !== undefined) {
    throw new ServingError(
      'unknown_parameter',
      `Unrecognized request argument supplied: ${JSON.stringify(unknown[0].slice(0, 64))}`,
      {
        param: unknown[0].slice(0, 64),
      },
    )
  }
  const ignored = [...named, ...firstOfEach(fields.ignored()), ...unknown]
  fields.letGo()
  return ignored
}

/** Paths that differ in more than their indexes. */
function firstOfEach(paths: readonly string[]): string[] {
  const first = new Map<string, string>()
  for (const path of paths) {
    const shape = path.replace(/\[\d+\]/g, '[]')
    if (!first.has(shape)) first.set(shape, path)
  }
  return [...first.values()]
}

/** OpenAI: what clients call their users and requests; it is not used. */
export function checkLabels(fields: Fields): void {
  fields.string('user', 1024)
  const metadata = fields.object('metadata')
  if (metadata === undefined) return
  if (metadata.entries().length > 16) {
    throw new ServingError('invalid_value', "Invalid 'metadata': too many properties. Expected at most 16.", {
      param: 'metadata',
    })
  }
  for (const [key] of metadata.entries()) metadata.string(key, 512)
}
