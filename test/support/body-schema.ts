import type { Schema } from '../../src/api/contract/field.ts'
import { bodies } from '../../tools/openapi/bodies.ts'

interface Variant {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Variant[]
}

/**
 * The fields that a route reads of its body. Empty: it takes none.
 * @param like of a body of such fields, where a route takes one of several. Default any.
 */
export function declaredFields(route: string, like: object = {}): Readonly<Record<string, Schema>> {
  const schema: Variant = bodies[route] ?? {}
  const variants = (schema.anyOf ?? [schema]).map(({ properties = {} }) => properties)
  const fitting = variants.filter((fields) => Object.keys(like).every((name) => name in fields))
  return Object.assign({}, ...fitting)
}
