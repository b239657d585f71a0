import { GrammarError } from '../gbnf/grammar-error.ts'
import { isObject, join, type Schema } from './schema-keywords.ts'

/**
 * Resolves a local reference: `#`, or `#` with a JSON pointer. Nothing is ever fetched.
 * @throws GrammarError
 */
export function resolveRef(root: Schema, ref: string, path: string): { schema: Schema; path: string } {
  const at = join(path, '$ref')
  if (ref !== '#' && !ref.startsWith('#/'))
    throw new GrammarError("only references within the schema ('#', '#/…') can be honoured", at)
  let value: unknown = root
  let where = ''
  for (const name of ref.split('/').slice(1).map(unescapePointer)) {
    const list = Array.isArray(value)
    if ((!list && !isObject(value)) || !Object.hasOwn(value as object, name))
      throw new GrammarError('the reference leads nowhere', at)
    where = join(where, list ? Number(name) : name)
    value = (value as Record<string, unknown>)[name]
  }
  if (typeof value !== 'boolean' && !isObject(value))
    throw new GrammarError('the reference leads to no schema', at)
  return { schema: value, path: where }
}

function unescapePointer(name: string): string {
  try {
    return decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return name
  }
}
