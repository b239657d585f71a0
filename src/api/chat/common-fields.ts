import { ServingError } from '../../base/errors.ts'
import { ignored } from '../contract/fates.ts'
import { at, type Field, optional, type Read } from '../contract/field.ts'
import type { Fields } from '../contract/fields.ts'
import { flag, string } from '../contract/kinds.ts'
import { object } from '../contract/objects.ts'

/** OpenAI: `metadata`, labels of a client for its requests; they are checked, and not used. */
export const metadata: Field<object | undefined> = optional(
  {
    type: 'object',
    maxProperties: 16,
    additionalProperties: { type: ['string', 'null'], maxLength: 512 },
  },
  (owner, name) => {
    const given = owner.object(name)
    if (given === undefined) return undefined
    const entries = given.entries()
    if (entries.length > 16) {
      throw new ServingError(
        'invalid_value',
        "Invalid 'metadata': too many properties. Expected at most 16.",
        {
          param: 'metadata',
        },
      )
    }
    for (const [key] of entries) given.string(key, 512)
    return Object.fromEntries(entries)
  },
)

export const user = string(1024)

/** OpenAI: fields that tune cost, routing or telemetry only. They have no effect here. */
export const withoutEffect = {
  metadata: ignored(metadata),
  prompt_cache_key: ignored(),
  prompt_cache_options: ignored(),
  prompt_cache_retention: ignored(),
  safety_identifier: ignored(),
  service_tier: ignored(),
  store: ignored(),
  user: ignored(user),
  verbosity: ignored(),
}

export interface StreamOptions {
  readonly stream: boolean
  /** Chunks that report the usage so far: the last one, or every one; undefined: none. */
  readonly reportUsage: 'at the end' | 'always' | undefined
}

export const streamFields = {
  stream: flag,
  stream_options: object({
    include_usage: flag,
    // vLLM: usage in every chunk.
    continuous_usage_stats: flag,
    // Nothing is obfuscated.
    include_obfuscation: flag,
  }),
}

export function streamOptionsOf(body: Read<typeof streamFields>): StreamOptions {
  const { stream = false, stream_options: options } = body
  checkStreamed(options, stream)
  const wanted = options?.include_usage ?? false
  const always = options?.continuous_usage_stats ?? false
  if (always && !wanted) options?.[at].drop('continuous_usage_stats')
  return { stream, reportUsage: wanted ? (always ? 'always' : 'at the end') : undefined }
}

/** OpenAI: checks that `stream_options` come with `stream` only. @throws ServingError invalid_value. */
export function checkStreamed(options: object | undefined, stream: boolean): void {
  if (options === undefined || stream) return
  throw new ServingError(
    'invalid_value',
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    { param: 'stream_options' },
  )
}

/**
 * Names of a request's fields without effect: ignored ones, and those that are not declared, in nested objects, too. Of a field
 * that many items of a list have, only the first is named. Call it last: it frees the body.
 * @throws ServingError unknown_parameter in strict mode.
 */
export function fieldsWithoutEffect(fields: Fields, strict: boolean): string[] {
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
  const without = [...firstOfEach(fields.ignored()), ...unknown]
  fields.letGo()
  return without
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
