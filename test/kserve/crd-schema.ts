import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { parseAllDocuments } from 'yaml'
import type { Manifest } from './manifests.ts'

/** A node of a CRD's openAPIV3Schema. */
interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly nullable?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

interface Definition {
  readonly kind: string
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly name: string; readonly schema: { openAPIV3Schema: Schema } }[]
  }
}

/** Schemas by `group/version kind`. */
export type Definitions = ReadonlyMap<string, Schema>

export function readDefinitions(folder: string): Definitions {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  const documents = files.flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
  const found = documents.map((document) => document.toJS() as Definition | null)
  return new Map(
    found
      .filter((each) => each?.kind === 'CustomResourceDefinition')
      .flatMap((each) => (each ? versionsOf(each) : [])),
  )
}

const versionsOf = ({ spec }: Definition): [string, Schema][] =>
  spec.versions.map(({ name, schema }) => [
    `${spec.group}/${name} ${spec.names.kind}`,
    schema.openAPIV3Schema,
  ])

/** What is wrong with an object, as `kubectl apply --validate=strict` would have it; undefined: nothing is. */
export function faults(definitions: Definitions, object: Manifest): string | undefined {
  const { file: _, ...written } = object
  const schema = definitions.get(`${object.apiVersion} ${object.kind}`)
  if (schema === undefined) return `no ${object.apiVersion} ${object.kind}`
  const ajv = new Ajv({ strict: false, allErrors: true })
  const validate = ajv.compile(
    strict({ ...schema, properties: { ...schema.properties, metadata: {} } }, [written]),
  )
  return validate(written) ? undefined : ajv.errorsText(validate.errors)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON Schema that takes no unknown field, of what the values use: all of a pod would take minutes to compile. */
function strict(schema: Schema, values: readonly unknown[]): object {
  const { type, properties, items, additionalProperties, required, enum: names, pattern } = schema
  const { minimum, maximum } = schema
  const plain = { required, enum: names, pattern, minimum, maximum }
  const kept = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined))
  if (schema['x-kubernetes-int-or-string']) return { ...kept, type: ['integer', 'string'] }
  return {
    ...kept,
    ...(type === undefined ? {} : { type: schema.nullable ? [type, 'null'] : type }),
    ...(items ? { items: strict(items, values.filter(Array.isArray).flat()) } : {}),
    ...fieldsOf(schema, properties, additionalProperties, values.filter(isObject)),
  }
}

function fieldsOf(
  schema: Schema,
  properties: Schema['properties'],
  others: Schema['additionalProperties'],
  values: readonly Record<string, unknown>[],
): object {
  if (isObject(others))
    return { additionalProperties: strict(others as Schema, values.flatMap(Object.values)) }
  if (!properties) return {}
  const used = Object.entries(properties).map(([name, each]) => {
    const inside = values.filter((value) => name in value).map((value) => value[name])
    return [name, inside.length === 0 ? {} : strict(each, inside)]
  })
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || others === true
  return { properties: Object.fromEntries(used), ...(open ? {} : { additionalProperties: false }) }
}
