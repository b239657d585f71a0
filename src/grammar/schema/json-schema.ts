import { GrammarError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { choice, type Grammar, type GrammarNode, literal, rule } from '../gbnf/node.ts'
import { CompileTime } from './compile-time.ts'
import { JsonRules } from './json-any.ts'
import { arrayNode } from './schema-array.ts'
import type { SchemaContext } from './schema-context.ts'
import { checkDisjoint } from './schema-disjoint.ts'
import {
  checkKeywords,
  constrains,
  isWithin,
  type JsonType,
  join,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
  without,
} from './schema-keywords.ts'
import { mergeSchemas } from './schema-merge.ts'
import { numberNode } from './schema-number.ts'
import { objectNode } from './schema-object.ts'
import { resolveRef } from './schema-ref.ts'
import { stringNode } from './schema-string.ts'
import { valuesNode } from './schema-values.ts'
import type { ValueStyle } from './value-style.ts'

/**
 * The JSON texts that a JSON Schema (2020-12, and draft 7 where that differs) admits, or a part of them:
 * docs/structured-output.md says which. Never a text that the schema does not admit.
 * @throws GrammarError whose path leads to the keyword that cannot be honoured.
 */
export function compileJsonSchema(schema: Schema): Grammar {
  const schemas = new SchemaRules()
  schemas.add('root', schema)
  return schemas.rules
}

/** Any JSON object. */
export function anyJsonObject(): Grammar {
  const rules = new Map<string, GrammarNode>()
  rules.set('root', new JsonRules(rules).object())
  return rules
}

/** Schemas that are compiled into one grammar, together within the limits. */
export class SchemaRules {
  readonly rules = new Map<string, GrammarNode>()
  readonly json: JsonRules
  readonly #time = new CompileTime()
  #nodes = 0

  constructor(style?: ValueStyle) {
    this.json = new JsonRules(this.rules, style)
  }

  /** A schema's grammar, as a rule of this name. @throws GrammarError */
  add(name: string, schema: Schema): GrammarNode {
    new SchemaCompiler(schema, this).rule(name)
    return rule(name)
  }

  /** Adds what `make` makes of a schema's parts, as a rule of this name. @throws GrammarError */
  addParts(name: string, schema: SchemaObject, make: (context: SchemaContext) => GrammarNode): GrammarNode {
    new SchemaCompiler(schema, this).rule(name, make)
    return rule(name)
  }

  /** Counts one more schema. @throws GrammarError above the limit. */
  count(path: string): void {
    if (++this.#nodes > GRAMMAR_LIMITS.schemaNodes)
      throw new GrammarError(`it holds more than ${GRAMMAR_LIMITS.schemaNodes} schemas`, path)
    this.checkTime(path)
  }

  /** @throws GrammarError */
  checkTime(path: string): void {
    if (this.#time.isOver) throw new GrammarError('it takes too long to compile', path)
  }
}

/** Type that a schema without `type` implies, by its keywords. */
const SPEAKS_OF: readonly (readonly [JsonType, readonly string[]])[] = [
  [
    'object',
    ['properties', 'required', 'additionalProperties', 'propertyNames', 'minProperties', 'maxProperties'],
  ],
  ['array', ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems']],
  ['string', ['minLength', 'maxLength', 'pattern', 'format']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']],
]

class SchemaCompiler implements SchemaContext {
  readonly json: JsonRules
  readonly #root: Schema
  readonly #all: SchemaRules
  readonly #rules: Map<string, GrammarNode>
  /** The rule of a schema that is referred to. */
  readonly #named = new Map<Schema, string>()
  /** Schemas that are referred to and not yet compiled. */
  readonly #referred: { readonly name: string; readonly schema: Schema; readonly path: string }[] = []
  #depth = 0

  constructor(root: Schema, all: SchemaRules) {
    this.#root = root
    this.#all = all
    this.#rules = all.rules
    this.json = all.json
  }

  /** The whole schema, or what is made of its parts, as a rule of this name. */
  rule(name: string, make?: (context: SchemaContext) => GrammarNode): void {
    // The name is taken before its content is made, which may refer to it.
    this.#rules.set(name, literal(''))
    if (make === undefined) this.#named.set(this.#root, name)
    this.#rules.set(name, make ? make(this) : this.compile(this.#root, ''))
    for (let next = this.#referred.shift(); next !== undefined; next = this.#referred.shift()) {
      this.#rules.set(next.name, this.compile(next.schema, next.path))
    }
  }

  define(node: GrammarNode): GrammarNode {
    const name = `rule-${this.#rules.size}`
    this.#rules.set(name, node)
    return rule(name)
  }

  compile(schema: Schema, path: string): GrammarNode {
    if (schema === true) return this.json.value()
    if (schema === false) throw new GrammarError('it admits nothing', path)
    this.#all.count(path)
    if (++this.#depth > GRAMMAR_LIMITS.schemaDepth)
      throw new GrammarError(`schemas are nested deeper than ${GRAMMAR_LIMITS.schemaDepth}`, path)
    checkKeywords(schema, path)
    const node = this.#compile(schema, path)
    this.#depth--
    return node
  }

  #compile(schema: SchemaObject, path: string): GrammarNode {
    if (schema['$ref'] !== undefined) {
      const others = without(schema, '$ref')
      const target = resolveRef(this.#root, schema['$ref'] as string, path)
      if (!constrains(others)) return this.#referredTo(target.schema, target.path)
      return this.compile(this.#merge(others, target.schema, path), path)
    }
    const { allOf, anyOf, oneOf } = schema as Readonly<Record<string, Schema[] | undefined>>
    if (allOf !== undefined) {
      const base = without(schema, 'allOf')
      const merged = allOf.reduce<Schema>(
        (all, one, at) => this.#merge(all, one, join(path, 'allOf', at)),
        base,
      )
      return this.compile(merged, path)
    }
    if (anyOf !== undefined) return this.#branches(schema, 'anyOf', anyOf, path)
    if (oneOf !== undefined) {
      checkDisjoint(
        oneOf.map((one) => this.#flat(one, path)),
        (one) => this.#flat(one, path),
        join(path, 'oneOf'),
      )
      return this.#branches(schema, 'oneOf', oneOf, path)
    }
    const values = listedValues(schema)
    if (values !== undefined) return valuesNode(schema, values, path, this.json.style.write)
    return this.#ofTypes(schema, path)
  }

  #branches(schema: SchemaObject, keyword: string, branches: readonly Schema[], path: string): GrammarNode {
    const base = without(schema, keyword)
    const nodes = branches.map((branch, index) => {
      const at = join(path, keyword, index)
      return this.compile(constrains(base) ? this.#merge(base, branch, at) : branch, at)
    })
    return choice(nodes)
  }

  #ofTypes(schema: SchemaObject, path: string): GrammarNode {
    const types = namedTypes(schema) ?? this.#inferred(schema, path)
    if (types === undefined) return this.json.value()
    // An integer is a number: saying both would leave two ways open.
    const distinct = types.filter((type) => !types.some((other) => other !== type && isWithin(type, other)))
    return choice([...new Set(distinct)].map((type) => this.#ofType(type, schema, path)))
  }

  #inferred(schema: SchemaObject, path: string): readonly JsonType[] | undefined {
    const spoken = SPEAKS_OF.filter(([, keywords]) => keywords.some((name) => schema[name] !== undefined))
    if (spoken.length > 1)
      throw new GrammarError("it needs a 'type': its keywords apply to several types", path)
    return spoken[0] && [spoken[0][0]]
  }

  #ofType(type: JsonType, schema: SchemaObject, path: string): GrammarNode {
    switch (type) {
      case 'object':
        return objectNode(schema, path, this)
      case 'array':
        return arrayNode(schema, path, this)
      case 'string':
        return stringNode(schema, path, this.json)
      case 'number':
      case 'integer':
        return numberNode(schema, type, path, this.json)
      case 'boolean':
        return choice([literal(this.json.style.true), literal(this.json.style.false)])
      case 'null':
        return literal(this.json.style.null)
    }
  }

  #referredTo(schema: Schema, path: string): GrammarNode {
    const known = this.#named.get(schema)
    if (known !== undefined) return rule(known)
    const name = `ref-${this.#rules.size}`
    this.#named.set(schema, name)
    this.#rules.set(name, literal(''))
    this.#referred.push({ name, schema, path })
    return rule(name)
  }

  #merge(a: Schema, b: Schema, path: string): Schema {
    this.#all.checkTime(path)
    const [first, second] = [this.#flat(a, path), this.#flat(b, path)]
    if (first === false || second === false) throw new GrammarError('it admits nothing', path)
    if (first === true) return second
    if (second === true) return first
    checkKeywords(first, path)
    checkKeywords(second, path)
    return mergeSchemas(first, second, path)
  }

  /** The schema with its own reference followed. */
  #flat(schema: Schema, path: string): Schema {
    let flat = schema
    for (let hops = 0; typeof flat === 'object' && flat['$ref'] !== undefined; hops++) {
      if (hops > GRAMMAR_LIMITS.schemaDepth || typeof flat['$ref'] !== 'string')
        throw new GrammarError('the reference leads nowhere', join(path, '$ref'))
      const others = without(flat, '$ref')
      const target: Schema = resolveRef(this.#root, flat['$ref'], path).schema
      if (typeof target === 'boolean' || !constrains(others)) {
        flat = target === true ? others : target
        continue
      }
      flat = { ...others, allOf: [...((others['allOf'] as Schema[] | undefined) ?? []), target] }
    }
    return flat
  }
}
