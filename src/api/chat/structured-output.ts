import { ServingError } from '../../base/errors.ts'
import type { Constraint } from '../../grammar/compile-grammar.ts'
import { GRAMMAR_LIMITS } from '../../grammar/gbnf/limits.ts'
import type { SamplingParams } from '../../protocol/engine.ts'
import type { Vocabulary } from '../../protocol/text-messages.ts'
import { emptyArray, invalidValue, tooLong, wrongType } from '../contract/failures.ts'
import { required } from '../contract/fates.ts'
import { at, type Read, type Schema } from '../contract/field.ts'
import { anything, checked, flag, mapped, someText, string } from '../contract/kinds.ts'
import { closed, object, one, tagged } from '../contract/objects.ts'
import { MAX_NAME, NAME } from './names.ts'

/** Constraint that a request puts on its output, and the field that it came from. */
export interface WantedConstraint {
  readonly constraint: Constraint
  readonly param: string
}

const MAX_CHOICES = 1000
export const JSON_SCHEMA: Schema = { type: ['object', 'boolean', 'string'] }
const ANY_OBJECT: Constraint = { kind: 'json_object', source: '' }

const json = mapped(anything(JSON_SCHEMA), (schema, param) => ({
  constraint: schemaConstraint(schema, param),
  param,
}))
const choice = mapped(
  anything({
    type: 'array',
    minItems: 1,
    maxItems: MAX_CHOICES,
    items: { type: 'string', minLength: 1 },
  }),
  (value, param): WantedConstraint => {
    const source = JSON.stringify(readChoices(value, param))
    return { constraint: { kind: 'choice', source }, param }
  },
)
const text = someText('it is empty.', GRAMMAR_LIMITS.sourceLength)
const regex = mapped(
  text,
  (source, param): WantedConstraint => ({ constraint: { kind: 'regex', source }, param }),
)
const grammar = mapped(
  text,
  (source, param): WantedConstraint => ({ constraint: { kind: 'gbnf', source }, param }),
)

/** OpenAI: the name of a schema. */
export const schemaName = required(
  checked(string(), { pattern: NAME }, (name, path) => {
    if (new RegExp(NAME).test(name)) return
    throw invalidValue(path, `a name has 1 to ${MAX_NAME} letters, digits, underscores and dashes.`)
  }),
)
export const schemaDescription = string(65_536)

/** vLLM: fields of `structured_outputs`, and of the older `guided_*`. */
const KINDS = ['json', 'regex', 'choice', 'grammar'] as const

/** OpenAI's `response_format`, vLLM's `structured_outputs` and `guided_*`, llama-server's `grammar` and `json_schema`. */
export const constraintFields = {
  response_format: one(
    tagged('type', {
      text: {},
      json_object: {},
      json_schema: {
        json_schema: required(
          object({
            name: schemaName,
            description: schemaDescription,
            strict: flag,
            schema: anything(JSON_SCHEMA),
          }),
        ),
      },
    }),
  ),
  structured_outputs: closed(
    object({ json, regex, choice, grammar, json_object: flag }),
    (param) =>
      new ServingError(
        'unsupported_parameter',
        `Unsupported parameter in '${param}': it may hold ${KINDS.join(', ')}, json_object.`,
        { param },
      ),
  ),
  guided_json: json,
  guided_regex: regex,
  guided_choice: choice,
  guided_grammar: grammar,
  grammar,
  json_schema: json,
}

type ConstraintBody = Read<typeof constraintFields>

/** Reads a request's constraint. @throws ServingError invalid_value where there are several. */
export function constraintOf(
  body: ConstraintBody & { readonly ignore_eos: boolean | undefined },
): WantedConstraint | undefined {
  const wanted = [
    responseFormat(body),
    ...structuredOutputs(body.structured_outputs),
    ...KINDS.map((kind) => body[`guided_${kind}`]),
    body.grammar,
    body.json_schema,
  ].filter((one) => one !== undefined)
  const [first, second] = wanted
  if (second !== undefined) {
    throw invalidValue(second.param, `the output is already described by '${first?.param}'.`)
  }
  return checkEnd(body.ignore_eos, first)
}

function responseFormat({
  response_format: format,
  [at]: fields,
}: ConstraintBody): WantedConstraint | undefined {
  if (format === undefined || format.type === 'text') return undefined
  const described = format.type === 'json_schema' ? format.json_schema : undefined
  if (described?.schema === undefined)
    return { constraint: ANY_OBJECT, param: fields.pathOf('response_format') }
  const param = described[at].pathOf('schema')
  return { constraint: schemaConstraint(described.schema, param), param }
}

function structuredOutputs(outputs: ConstraintBody['structured_outputs']): (WantedConstraint | undefined)[] {
  if (outputs === undefined) return []
  const wanted = KINDS.map((kind) => outputs[kind])
  if (outputs.json_object !== true) return wanted
  return [...wanted, { constraint: ANY_OBJECT, param: outputs[at].pathOf('json_object') }]
}

/** Checks that a constrained output, which has an end, does not come with `ignore_eos`. @throws ServingError invalid_value. */
export function checkEnd(
  ignoreEos: boolean | undefined,
  wanted: WantedConstraint | undefined,
): WantedConstraint | undefined {
  if (wanted !== undefined && ignoreEos === true) {
    throw invalidValue('ignore_eos', `an output described by '${wanted.param}' has an end.`)
  }
  return wanted
}

/**
 * Sampling with a compiled constraint in it.
 * @param grammar GBNF; undefined: there is no constraint.
 * @param markers control tokens that are read as text.
 */
export function constrained(
  sampling: SamplingParams,
  grammar: string | undefined,
  vocabulary: Vocabulary,
  markers: ReadonlyMap<number, string> = new Map(),
): SamplingParams {
  if (grammar === undefined) return sampling
  const bans = silentTokens(vocabulary).filter(([token]) => !markers.has(token))
  return { ...sampling, grammar, logitBias: [...sampling.logitBias, ...bans] }
}

const silent = new WeakMap<Vocabulary, readonly [number, number][]>()

/** Bans the tokens that have a text for the grammar and none for the client, which would be missing from the output. */
function silentTokens(vocabulary: Vocabulary): readonly [number, number][] {
  const known = silent.get(vocabulary)
  if (known !== undefined) return known
  const { size, offsets, endOfGeneration } = vocabulary
  const ends = new Set(endOfGeneration)
  const bans: [number, number][] = []
  for (let token = 0; token < size; token++) {
    if (offsets[token] === offsets[token + 1] && !ends.has(token))
      bans.push([token, Number.NEGATIVE_INFINITY])
  }
  silent.set(vocabulary, bans)
  return bans
}

/** Constraint of a JSON Schema; vLLM: it may come as JSON text, too. @throws ServingError invalid_json_schema, invalid_type. */
export function schemaConstraint(schema: unknown, param: string): Constraint {
  const source = typeof schema === 'string' ? schema : JSON.stringify(schema)
  if (source.length > GRAMMAR_LIMITS.sourceLength) throw tooLarge(param)
  const parsed = typeof schema === 'string' ? parseJson(schema, param) : schema
  if (
    (typeof parsed !== 'object' && typeof parsed !== 'boolean') ||
    parsed === null ||
    Array.isArray(parsed)
  ) {
    throw wrongType(param, 'a JSON Schema', parsed)
  }
  return { kind: 'json_schema', source }
}

function parseJson(text: string, param: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidValue(param, 'it is not JSON.')
  }
}

function tooLarge(param: string): ServingError {
  return new ServingError(
    'invalid_json_schema',
    `Invalid schema at '${param}': it is longer than ${GRAMMAR_LIMITS.sourceLength} characters.`,
    { param },
  )
}

function readChoices(value: unknown, param: string): readonly string[] {
  if (!Array.isArray(value)) throw wrongType(param, 'an array of strings', value)
  if (value.length === 0) throw emptyArray(param)
  if (value.length > MAX_CHOICES) throw tooLong(param, value.length, MAX_CHOICES)
  let length = 0
  for (const [index, item] of value.entries()) {
    if (typeof item !== 'string') throw wrongType(`${param}[${index}]`, 'a string', item)
    if (item === '') throw invalidValue(`${param}[${index}]`, 'a choice cannot be empty.')
    length += item.length
  }
  if (length > GRAMMAR_LIMITS.sourceLength / 2) {
    throw invalidValue(param, `choices have at most ${GRAMMAR_LIMITS.sourceLength / 2} characters together.`)
  }
  return value as string[]
}
