import { ServingError } from '../../base/errors.ts'
import type { Constraint } from '../../grammar/compile-grammar.ts'
import { GRAMMAR_LIMITS } from '../../grammar/gbnf/limits.ts'
import type { SamplingParams } from '../../protocol/engine.ts'
import type { Vocabulary } from '../../protocol/text-messages.ts'
import { emptyArray, type Fields, invalidValue, missing, oneOf, tooLong, wrongType } from '../fields.ts'

/** What a request wants its output to be, and the field that says so. */
export interface WantedConstraint {
  readonly constraint: Constraint
  readonly param: string
}

const MAX_CHOICES = 1000
/** vLLM: fields of `structured_outputs`, and of the older `guided_*`. */
const KINDS = ['json', 'regex', 'choice', 'grammar'] as const
type Kind = (typeof KINDS)[number]

/**
 * OpenAI's `response_format`, vLLM's `structured_outputs` and `guided_*`, llama-server's `grammar` and `json_schema`:
 * at most one of them.
 * @throws ServingError
 */
export function readConstraint(fields: Fields): WantedConstraint | undefined {
  const wanted = [
    readResponseFormat(fields),
    ...readStructuredOutputs(fields),
    ...KINDS.map((kind) => readKind(fields, kind, `guided_${kind}`)),
    readKind(fields, 'grammar', 'grammar'),
    readKind(fields, 'json', 'json_schema'),
  ].filter((one) => one !== undefined)
  const [first, second] = wanted
  if (second !== undefined) {
    throw invalidValue(second.param, `the output is already described by '${first?.param}'.`)
  }
  return checkEnd(fields, first)
}

/** @throws ServingError when an output that has an end is to have none. */
export function checkEnd(fields: Fields, wanted: WantedConstraint | undefined): WantedConstraint | undefined {
  if (wanted !== undefined && fields.boolean('ignore_eos') === true) {
    throw invalidValue('ignore_eos', `an output described by '${wanted.param}' has an end.`)
  }
  return wanted
}

/**
 * The sampling with a compiled constraint in it.
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

function readResponseFormat(fields: Fields): WantedConstraint | undefined {
  const format = fields.object('response_format')
  if (format === undefined) return undefined
  const param = fields.pathOf('response_format')
  const type = oneOf(`${param}.type`, format.required('type'), ['text', 'json_object', 'json_schema'])
  if (type === 'text') return undefined
  if (type === 'json_object') return { constraint: { kind: 'json_object', source: '' }, param }
  const described = format.requiredObject('json_schema')
  const name = described.string('name')
  if (name === undefined) throw missing(described.pathOf('name'))
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw invalidValue(
      described.pathOf('name'),
      'a name has 1 to 64 letters, digits, underscores and dashes.',
    )
  }
  described.string('description', 65_536)
  described.boolean('strict')
  const at = described.pathOf('schema')
  const schema = described.value('schema')
  if (schema === undefined) return { constraint: { kind: 'json_object', source: '' }, param }
  return { constraint: schemaConstraint(schema, at), param: at }
}

function readStructuredOutputs(fields: Fields): (WantedConstraint | undefined)[] {
  const outputs = fields.object('structured_outputs')
  if (outputs === undefined) return []
  const wanted = KINDS.map((kind) => readKind(outputs, kind, kind))
  if (outputs.boolean('json_object') === true) {
    wanted.push({ constraint: { kind: 'json_object', source: '' }, param: outputs.pathOf('json_object') })
  }
  const [unread] = outputs.unread()
  if (unread !== undefined) {
    throw new ServingError(
      'unsupported_parameter',
      `Unsupported parameter in '${fields.pathOf('structured_outputs')}': it may hold ${KINDS.join(', ')}, json_object.`,
      { param: fields.pathOf('structured_outputs') },
    )
  }
  return wanted
}

function readKind(fields: Fields, kind: Kind, name: string): WantedConstraint | undefined {
  const value = fields.value(name)
  if (value === undefined) return undefined
  const param = fields.pathOf(name)
  switch (kind) {
    case 'json':
      return { constraint: schemaConstraint(value, param), param }
    case 'choice':
      return { constraint: { kind: 'choice', source: JSON.stringify(readChoices(value, param)) }, param }
    case 'regex':
      return { constraint: { kind: 'regex', source: readText(fields, name) }, param }
    case 'grammar':
      return { constraint: { kind: 'gbnf', source: readText(fields, name) }, param }
  }
}

function readText(fields: Fields, name: string): string {
  const text = fields.string(name, GRAMMAR_LIMITS.sourceLength) ?? ''
  if (text === '') throw invalidValue(fields.pathOf(name), 'it is empty.')
  return text
}

/** vLLM: a schema may come as its JSON text, too. */
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
