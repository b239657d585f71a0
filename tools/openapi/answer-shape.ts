import type { FieldSchema } from './field-tree.ts'

/** The shape of a real answer. Nothing is required: another request's answer may have less. */
export function shapeOf(value: unknown): FieldSchema {
  if (Array.isArray(value)) {
    return { type: 'array', ...(value.length > 0 && { items: value.map(shapeOf).reduce(both) }) }
  }
  if (value === null) return { type: 'null' }
  if (typeof value === 'object') {
    const properties = Object.entries(value).map(([name, item]) => [name, shapeOf(item)] as const)
    return { type: 'object', properties: Object.fromEntries(properties) }
  }
  return { type: typeof value }
}

/** What has either shape. */
export function both(a: FieldSchema, b: FieldSchema): FieldSchema {
  const type = [...new Set([a.type ?? [], b.type ?? []].flat())]
  const properties = { ...a.properties }
  for (const [name, shape] of Object.entries(b.properties ?? {})) {
    const known = properties[name]
    properties[name] = known === undefined ? shape : both(known, shape)
  }
  const items = a.items && b.items ? both(a.items, b.items) : (a.items ?? b.items)
  return {
    type: type.length === 1 ? (type[0] ?? 'object') : type,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(items && { items }),
  }
}
