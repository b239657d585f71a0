import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type LlamaEngine, openLlama } from '../../src/engine/llama/engine.ts'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { compileConstraint, grammarOf } from '../../src/grammar/compile-grammar.ts'
import { GrammarError } from '../../src/grammar/gbnf/grammar-error.ts'
import { CompileNotes } from '../../src/grammar/schema/compile-notes.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { GrammarWalk } from '../support/grammar-walk.ts'
import { openApiSchemas } from '../support/openapi-schemas.ts'
import { random } from '../support/random.ts'
import { sequenceOf } from '../support/sequences.ts'
import { validatorOf } from '../support/validator.ts'
import { drain, greedy } from '../support/workload.ts'
import { zodSchemas } from '../support/zod-schemas.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const python = process.env['ALTIPLANO_TEST_PYTHON']
const pydantic = fileURLToPath(new URL('../support/pydantic_schemas.py', import.meta.url))
if (python === undefined)
  console.warn(
    'pydantic: skipped, ALTIPLANO_TEST_PYTHON names no interpreter with test/clients/requirements.txt',
  )

const limits = { slots: 8, contextSize: 256, batchTokens: 64 }
const WALKS = 12
/** Part of the schemas that a library writes that is answered at least. */
const ANSWERED = 0.95

let engine: LlamaEngine
let text: LlamaVocabulary
beforeAll(async () => {
  text = await openVocabulary(modelPath)
  engine = (await openLlama({ modelPath, ...limits, threads: 1, gpuLayers: 0, kvCacheType: 'f16' })).engine
})
afterAll(async () => {
  await engine.close()
  await text.close()
})

interface Written {
  readonly name: string
  readonly schema: object
}

interface Answered extends Written {
  readonly gbnf: string
  /** Texts of the grammar. */
  readonly texts: readonly string[]
}

/**
 * Compiles schemas, and draws texts, which are valid by a validator that is not ours.
 * @param refusals the paths that refusals lead to, by name.
 */
function answered(
  written: readonly Written[],
  refusals: Readonly<Record<string, string>>,
  least = ANSWERED,
): Answered[] {
  const refused: Record<string, string> = {}
  const all = written.flatMap(({ name, schema }): Answered[] => {
    const constraint = { kind: 'json_schema', source: JSON.stringify(schema) } as const
    try {
      const notes = new CompileNotes()
      const gbnf = compileConstraint(constraint, notes)
      const held = [...notes.changed].some((path) => path.endsWith('oneOf')) ? asAnyOf(schema) : schema
      const walk = new GrammarWalk(grammarOf(constraint), random(7))
      return [{ name, schema: held, gbnf, texts: Array.from({ length: WALKS }, () => walk.text()) }]
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      refused[name] = error.path
      return []
    }
  })
  expect(refused).toEqual(refusals)
  expect(all.length / written.length).toBeGreaterThanOrEqual(least)
  for (const { name, schema, texts } of all) {
    const invalidity = ajvOf(schema)
    for (const one of texts) expect(invalidity(JSON.parse(one)), `${one} by ${name}`).toBeUndefined()
  }
  return all
}

/** The schema as a client is told that it is taken. */
function asAnyOf(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"oneOf":', '"anyOf":')) as object
}

/** A pattern that needs no `u` flag, and may not have it, is left to the library that wrote it. */
function ajvOf(schema: object): (value: unknown) => string | undefined {
  try {
    // Drafts differ in what these schemas have none of.
    return validatorOf({ ...schema, $schema: 'https://json-schema.org/draft/2020-12/schema' })
  } catch (error) {
    // Ajv takes `nullable` beside a type only, where it says something.
    if (!(error instanceof SyntaxError) && !/nullable/.test(String(error))) throw error
    return () => undefined
  }
}

/** What llama.cpp writes by the grammars, as far as it comes to its end. */
async function written(all: readonly Answered[]): Promise<{ name: string; output: string }[]> {
  const sequences = all.map(({ gbnf }, seed) =>
    sequenceOf({
      id: `w${seed}`,
      prompt: [...text.tokenize('Answer:', false)],
      maxTokens: 40,
      stopTokens: [...text.vocabulary.endOfGeneration],
      sampling: { ...greedy, temperature: 1, seed, grammar: gbnf },
    }),
  )
  await drain(sequences, engine, new NoPrefixSlotCache(limits.slots))
  return sequences.flatMap((one, index) => {
    const { name = '' } = all[index] ?? {}
    expect(one.error, name).toBeUndefined()
    if (one.end !== 'stop') return []
    const bytes = one.tokens.slice(one.promptLength).flatMap((token) => bytesOf(token))
    return [{ name, output: new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes)) }]
  })
}

function bytesOf(token: number): number[] {
  const { bytes, offsets } = text.vocabulary
  return [...bytes.subarray(offsets[token], offsets[token + 1])]
}

function report(source: string, all: readonly Answered[], written: readonly Written[], whole: number): void {
  console.log(
    `${source}: ${all.length} of ${written.length} schemas answered; ${whole} outputs of llama.cpp came to their end`,
  )
}

describe('schemas that zod writes', () => {
  /** Types that ask for more than zod writes into the schema. */
  const UNWRITTEN = ['url of a protocol', 'httpUrl', 'jwt', 'string, nonempty and trimmed', 'pipe']
  const taken = (name: string, io: string, value: unknown): boolean =>
    UNWRITTEN.includes(name) || io === 'openai' || zodSchemas[name]?.safeParse(value).success === true

  it('schemas that zod writes are answered, and zod takes the answers', async () => {
    const schemas = Object.entries(zodSchemas).flatMap(([name, type]) => [
      ...(['input', 'output'] as const).map((io) => ({
        name,
        io,
        schema: z.toJSONSchema(type, { io }) as object,
      })),
      ...openAiForm(type).map((schema) => ({ name, io: 'openai', schema })),
    ])
    const named = schemas.map(({ name, io, schema }) => ({ name: `${io}: ${name}`, schema }))
    const all = answered(named, {})
    const outputs = await written(all)
    report('zod 4', all, named, outputs.length)
    const texts = all.flatMap(({ name, texts }) => texts.map((output) => ({ name, output })))
    for (const { name, output } of [...texts, ...outputs]) {
      const [io = '', ...rest] = name.split(': ')
      expect(taken(rest.join(': '), io, JSON.parse(output)), `${output} by ${name}`).toBe(true)
    }
  })

  /** The SDK takes objects only, whose properties are all required. */
  function openAiForm(type: z.ZodType): object[] {
    if (!(type instanceof z.ZodObject)) return []
    try {
      const { json_schema } = zodResponseFormat(type as never, 'x')
      return [json_schema.schema as object]
    } catch {
      return []
    }
  }
})

describe('schemas of OpenAPI', () => {
  it('schemas as OpenAPI writes them are answered', async () => {
    const schemas = Object.entries(openApiSchemas).map(([name, schema]) => ({ name, schema }))
    const all = answered(
      schemas,
      {
        'tags that differ': 'uniqueItems',
        'a template of a URI': 'format',
        'a condition': 'if',
      },
      0.9,
    )
    const outputs = await written(all)
    report('OpenAPI', all, schemas, outputs.length)
    for (const { name, output } of outputs)
      expect(
        ajvOf(all.find((one) => one.name === name)?.schema ?? {})(JSON.parse(output)),
        `${output} by ${name}`,
      ).toBeUndefined()
  })
})

describe.skipIf(python === undefined)('schemas that pydantic writes', () => {
  /** Types that ask for more than pydantic writes into the schema. */
  const UNWRITTEN = new Set([
    // Its Unicode is older than ours.
    'str of a pattern of Unicode letters',
    ...['FilePath', 'NaiveDatetime', 'PastDatetime', 'FutureDate', 'IPv4Network', 'HttpUrl', 'PostgresDsn'],
    ...[
      'Json',
      'Base64Bytes',
      'ByteSize',
      'Decimal',
      'Decimal with places',
      'Decimal with bounds',
      'dict of int',
    ],
  ])
  const ask = (command: string, input = ''): Record<string, unknown>[] =>
    execFileSync(python ?? '', [pydantic, command], { input, maxBuffer: 1e9, encoding: 'utf8' })
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))

  it('schemas that pydantic writes are answered, and pydantic takes the answers', async () => {
    const schemas = ask('schemas').map(({ name, mode, schema }) => ({
      name: `${mode}: ${name}`,
      schema: schema as object,
    }))
    const all = answered(schemas, {
      'validation: set of str': 'uniqueItems',
      'serialization: set of str': 'uniqueItems',
    })
    const outputs = await written(all)
    report('pydantic', all, schemas, outputs.length)
    const texts = new Map(all.map(({ name, texts }) => [name, [...texts]]))
    for (const { name, output } of outputs) texts.get(name)?.push(output)
    const own = (name: string): string => name.slice(name.indexOf(': ') + 2)
    const input = [...texts]
      .filter(([name]) => !UNWRITTEN.has(own(name)))
      .map(([name, texts]) => JSON.stringify({ name: own(name), texts }))
    expect(ask('validate', `${input.join('\n')}\n`)).toEqual([])
  })
})
