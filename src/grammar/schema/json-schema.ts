import { GrammarError, NothingError } from '../gbnf/grammar-error.ts'
import { GRAMMAR_LIMITS } from '../gbnf/limits.ts'
import { Matcher } from '../gbnf/matcher.ts'
import { choice, type Grammar, type GrammarNode, literal, rule } from '../gbnf/node.ts'
import { CompileNotes } from './compile-notes.ts'
import { JsonRules } from './json-any.ts'
import { arrayNode } from './schema-array.ts'
import type { SchemaContext } from './schema-context.ts'
import {
  canonicalJson,
  checkKeywords,
  constrains,
  isAnnotation,
  isObject,
  isWithin,
  type JsonType,
  join,
  listedValues,
  namedTypes,
  type Schema,
  type SchemaObject,
  typeOfValue,
  without,
} from './schema-keywords.ts'
import { mergeSchemas } from './schema-merge.ts'
import { normalSchema } from './schema-normal.ts'
import { numberNode } from './schema-number.ts'
import { objectNode } from './schema-object.ts'
import { exclusionOf } from './schema-one-of.ts'
import { resolveRef } from './schema-ref.ts'
import { stringNode } from './schema-string.ts'
import { valuesNode } from './schema-values.ts'
import type { ValueStyle } from './value-style.ts'

/**
 * The JSON texts that a JSON Schema (2020-12, and draft 7 where that differs) admits, or a part of them:
 * docs/structured-output.md says which. Never a text that the schema does not admit, but for `oneOf` where that is reported.
 * @throws GrammarError whose path leads to the keyword that cannot be honoured.
 */
export function compileJsonSchema(schema: Schema, notes = new CompileNotes()): Grammar {
  const schemas = new SchemaRules(notes)
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
  readonly notes: CompileNotes
  #nodes = 0

  constructor(notes: CompileNotes, style?: ValueStyle) {
    this.notes = notes
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
    this.notes.time.check(path)
  }
}

/** Type that a schema without `type` implies, by its keywords. */
const SPEAKS_OF: readonly (readonly [JsonType, readonly string[]])[] = [
  [
    'object',
    [
      ...['properties', 'required', 'additionalProperties', 'patternProperties', 'propertyNames'],
      ...['minProperties', 'maxProperties'],
    ],
  ],
  ['array', ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems']],
  ['string', ['minLength', 'maxLength', 'pattern', 'format']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']],
]

class SchemaCompiler implements SchemaContext {
  readonly json: JsonRules
  readonly notes: CompileNotes
  readonly #root: Schema
  readonly #all: SchemaRules
  readonly #rules: Map<string, GrammarNode>
  /** The rule of a schema that is referred to. */
  readonly #named = new Map<Schema, string>()
  /** Schemas that are referred to and not yet compiled. */
  readonly #referred: { readonly name: string; readonly schema: Schema; readonly path: string }[] = []
  /** Schemas that were made out of others by one more required property, by the other and the name. */
  readonly #tagged = new Map<Schema, Map<string, SchemaObject>>()
  readonly #made = new Set<Schema>()
  /** Schemas in fewer keywords, by the schema. */
  readonly #flat = new Map<Schema, Schema>()
  #depth = 0

  constructor(root: Schema, all: SchemaRules) {
    this.#root = root
    this.#all = all
    this.#rules = all.rules
    this.json = all.json
    this.notes = all.notes
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
    if (schema === false) throw new NothingError('it admits nothing', path)
    this.#all.count(path)
    if (++this.#depth > GRAMMAR_LIMITS.schemaDepth)
      throw new GrammarError(`schemas are nested deeper than ${GRAMMAR_LIMITS.schemaDepth}`, path)
    checkKeywords(schema, path)
    try {
      return this.#compile(normalSchema(schema, path), path)
    } finally {
      this.#depth--
    }
  }

  #compile(whole: SchemaObject, path: string): GrammarNode {
    // It looks at the properties of all that is combined.
    const isSealed = whole['unevaluatedProperties'] === false
    const schema = without(whole, 'unevaluatedProperties')
    const sealed = (combined: Schema): Schema =>
      isSealed && isObject(combined) ? { ...combined, unevaluatedProperties: false } : combined
    if (schema['$ref'] !== undefined) {
      const others = without(schema, '$ref')
      const target = resolveRef(this.#root, schema['$ref'] as string, path)
      if (!constrains(others) && !isSealed) return this.#referredTo(target.schema, target.path)
      return this.compile(sealed(this.#merge(others, target.schema, path)), path)
    }
    const { allOf, anyOf, oneOf } = schema as Readonly<Record<string, Schema[] | undefined>>
    if (allOf !== undefined) {
      const base = without(schema, 'allOf')
      const merged = allOf.reduce<Schema>(
        (all, one, at) => this.#merge(all, one, join(path, 'allOf', at)),
        base,
      )
      return this.compile(sealed(merged), path)
    }
    if (anyOf !== undefined) return this.#branches(schema, 'anyOf', anyOf, path, sealed)
    if (oneOf !== undefined) return this.#oneOf(schema, oneOf, path, sealed)
    const values = listedValues(schema)
    if (values !== undefined) {
      return valuesNode(schema, this.#fitting(schema, values, path), path, this.json.style.write)
    }
    return this.#ofTypes(schema, path)
  }

  #oneOf(
    schema: SchemaObject,
    oneOf: readonly Schema[],
    path: string,
    sealed: (combined: Schema) => Schema,
  ): GrammarNode {
    const { propertyName } = isObject(schema['discriminator']) ? schema['discriminator'] : {}
    const flat = oneOf.map((one) => this.flat(one, path))
    const exclusion = exclusionOf(flat, (one) => this.flat(one, path), propertyName)
    if (exclusion === undefined) this.notes.change(join(path, 'oneOf'))
    if (exclusion?.by !== 'tag') return this.#branches(schema, 'oneOf', oneOf, path, sealed)
    // An object without its tag could be valid for several.
    const { tag } = exclusion
    const tagged = oneOf.map((one, index) => {
      const own = flat[index] as Schema
      if (!isObject(own) || !isObject(own['properties'])) return one
      const required = (own['required'] ?? []) as readonly string[]
      return required.includes(tag) ? one : this.#requiring(own, tag)
    })
    return this.#branches(schema, 'oneOf', tagged, path, sealed)
  }

  /** The schema with one more property that must be there: one object for each, so that its rule is found again. */
  #requiring(schema: SchemaObject, name: string): Schema {
    const byName = this.#tagged.get(schema) ?? new Map<string, SchemaObject>()
    this.#tagged.set(schema, byName)
    const known = byName.get(name)
    const made = known ?? { ...schema, required: [...((schema['required'] ?? []) as string[]), name] }
    byName.set(name, made)
    this.#made.add(made)
    return made
  }

  /** The listed values that the keywords beside them admit. */
  #fitting(schema: SchemaObject, listed: readonly unknown[], path: string): readonly unknown[] {
    const { enum: several } = schema
    const same = new Set(Array.isArray(several) ? several.map(canonicalJson) : [])
    const values = Array.isArray(several) ? listed.filter((value) => same.has(canonicalJson(value))) : listed
    const rest = without(schema, 'enum', 'const', 'type', '$defs', 'definitions')
    const beside = Object.keys(rest).find((name) => !isAnnotation(name))
    if (beside === undefined) return values
    if (values.some((value) => typeof value === 'object' && value !== null))
      throw new GrammarError('it cannot be honoured beside listed arrays or objects', join(path, beside))
    const types = [...new Set(values.map(typeOfValue))]
    const admitted = new SchemaRules(new CompileNotes(this.notes.time))
    admitted.add('root', { ...rest, type: types })
    const matcher = new Matcher(admitted.rules)
    const fitting = values.filter((value) => matcher.matches(JSON.stringify(value)))
    if (fitting.length === 0) throw new NothingError('no listed value is admitted', join(path, beside))
    return fitting
  }

  /** Branches that nothing fits are left out. */
  #branches(
    schema: SchemaObject,
    keyword: string,
    branches: readonly Schema[],
    path: string,
    sealed: (combined: Schema) => Schema,
  ): GrammarNode {
    const base = without(schema, keyword)
    let refused: NothingError | undefined
    const nodes = branches.flatMap((branch, index) => {
      const at = join(path, keyword, index)
      try {
        if (constrains(base)) return [this.compile(sealed(this.#merge(base, branch, at)), at)]
        return [this.#made.has(branch) ? this.#referredTo(branch, at) : this.compile(sealed(branch), at)]
      } catch (error) {
        if (!(error instanceof NothingError)) throw error
        refused ??= error
        return []
      }
    })
    if (nodes.length === 0 && refused !== undefined) throw refused
    if (nodes.length > 1) this.notes.hasManyWays = true
    return choice(nodes)
  }

  #ofTypes(schema: SchemaObject, path: string): GrammarNode {
    const types = namedTypes(schema) ?? impliedTypes(schema)
    if (types.length === 0) return this.json.value()
    // An integer is a number: saying both would leave two ways open.
    const distinct = types.filter((type) => !types.some((other) => other !== type && isWithin(type, other)))
    let refused: NothingError | undefined
    const nodes = [...new Set(distinct)].flatMap((type) => {
      try {
        return [this.#ofType(type, schema, path)]
      } catch (error) {
        if (!(error instanceof NothingError)) throw error
        refused ??= error
        return []
      }
    })
    if (nodes.length === 0 && refused !== undefined) throw refused
    return choice(nodes)
  }

  #ofType(type: JsonType, schema: SchemaObject, path: string): GrammarNode {
    switch (type) {
      case 'object':
        return objectNode(schema, path, this)
      case 'array':
        return arrayNode(schema, path, this)
      case 'string':
        return stringNode(schema, path, this.json, this.notes)
      case 'number':
      case 'integer':
        return numberNode(schema, type, path, this.json, this.notes.time)
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
    const [first, second] = [this.flat(a, path), this.flat(b, path)]
    if (first === false || second === false) throw new NothingError('it admits nothing', path)
    if (first === true) return second
    if (second === true) return first
    return mergeSchemas(first, second, path)
  }

  flat(schema: Schema, path: string): Schema {
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
    if (!isObject(flat)) return flat
    const known = this.#flat.get(flat)
    if (known !== undefined) return known
    checkKeywords(flat, path)
    const normal = normalSchema(flat, path)
    this.#flat.set(flat, normal)
    return normal
  }
}

/** Types that the keywords of a schema without `type` speak of. */
function impliedTypes(schema: SchemaObject): readonly JsonType[] {
  return SPEAKS_OF.flatMap(([type, keywords]) =>
    keywords.some((name) => schema[name] !== undefined) ? [type] : [],
  )
}
