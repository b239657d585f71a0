import type { FieldRead } from '../../src/api/field-reads.ts'

/** JSON Schema: the part of it that readings of fields give. */
export interface FieldSchema extends Limits {
  readonly type?: string | string[]
  readonly enum?: string[]
  readonly examples?: string[]
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly items?: FieldSchema
}

interface Limits {
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
  required?: string[]
}

/** All readings of a field so far, and of those within it. */
export interface FieldTree extends Limits {
  any?: true
  type?: string | string[]
  enum?: string[]
  properties?: Record<string, FieldTree>
  items?: FieldTree
}

/** Puts what was asked of one field where it belongs in the schema of a body. */
export function place(body: FieldTree, read: FieldRead): void {
  const steps = read.path.split(/\.|(?=\[\d+\])/)
  let node = body
  let parent: FieldTree | undefined
  for (const step of steps) {
    parent = node
    node = child(node, step)
  }
  merge(node, read)
  const name = steps.at(-1) ?? ''
  if (read.required && parent?.required?.includes(name) !== true)
    (parent ?? body).required = [...(parent?.required ?? []), name]
}

function child(node: FieldTree, step: string): FieldTree {
  if (step.startsWith('[')) {
    node.items ??= {}
    return node.items
  }
  node.properties ??= {}
  const found = node.properties[step] ?? {}
  node.properties[step] = found
  return found
}

/** Limits hold for the type they belong to: several types stand side by side. Of what may be anything only examples are known. */
function merge(node: FieldTree, read: FieldRead): void {
  const { type, minimum, maximum, maxLength, maxItems, enum: values } = read
  if (type === 'any') node.any = true
  else if (type !== undefined) node.type = joined(node.type, type)
  if (minimum !== undefined) node.minimum = Math.min(node.minimum ?? minimum, minimum)
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) node.maximum = maximum
  if (maxLength !== undefined) node.maxLength = maxLength
  if (maxItems !== undefined) node.maxItems = maxItems
  if (values !== undefined) node.enum = [...new Set([...(node.enum ?? []), ...values])]
}

/** What the readings of a field come to, as JSON Schema. */
export function schemaOf({ any, type, enum: values, properties, items, ...limits }: FieldTree): FieldSchema {
  const below = {
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, schemaOf(field)]),
      ),
    }),
    ...(items && { items: schemaOf(items) }),
  }
  if (any) return { ...limits, ...below, ...(values && { examples: values }) }
  return { ...(type && { type }), ...limits, ...(values && { enum: values }), ...below }
}

function joined(types: FieldTree['type'], type: string): string | string[] {
  const all = [...new Set([types ?? [], type].flat())]
  return all.length === 1 ? type : all
}
