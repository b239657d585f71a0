import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaEngine, openLlama } from '../../src/engine/llama/engine.ts'
import { drawWithin, GrammarCache } from '../../src/engine/llama/grammar.ts'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { type Constraint, compileConstraint } from '../../src/grammar/compile-grammar.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import type { EngineLimits, SamplingParams } from '../../src/protocol/engine.ts'
import { Sequence } from '../../src/scheduler/sequence.ts'
import { Detokenizer } from '../../src/text/output/detokenizer.ts'
import { OutputParser } from '../../src/text/output/output-parser.ts'
import { toolFormats } from '../../src/text/tool-formats/formats.ts'
import { draw } from '../support/drawn.ts'
import { progress } from '../support/progress.ts'
import { random } from '../support/random.ts'
import { RandomSchemas } from '../support/random-schema.ts'
import { writeRandomTextModel } from '../support/random-text-model.ts'
import { randomTools } from '../support/random-tools.ts'
import { expectSame, toldBy } from '../support/same-text.ts'
import { sequenceOf } from '../support/sequences.ts'
import { validatorOf } from '../support/validator.ts'
import { drain, greedy } from '../support/workload.ts'

const modelPath = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
/** `npm run test:schemas` draws thousands. */
const ROUNDS = Number(process.env['SCHEMA_ROUNDS'] ?? 48)
/** Names and schemas. */
const pairsOf = (tools: ReturnType<typeof randomTools>) =>
  tools.map(({ name, parameters }) => [name, parameters] as const)
/** How many schemas each writes by, and how many milliseconds one may take: four times what it does. */
const MODELS = [
  { which: 'the built-in model', rounds: Math.max(48, Math.ceil(ROUNDS / 10)), patience: 1000 },
  { which: 'a model of random weights', rounds: ROUNDS, patience: 200 },
] as const
/** Schemas that one run of the scheduler takes, eight at a time. */
const TOGETHER = 48
const limits: EngineLimits = { slots: 8, contextSize: 512, batchTokens: 64 }
const settings = { threads: 1, gpuLayers: 0, kvCacheType: 'f16' } as const

interface Model {
  readonly engine: LlamaEngine
  readonly text: LlamaVocabulary
}
let engine: LlamaEngine
let text: LlamaVocabulary
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  text = await openVocabulary(modelPath)
  engine = (await openLlama({ modelPath, ...limits, ...settings })).engine
  opened.push(engine, text)
})
afterAll(async () => {
  for (const one of opened) await one.close()
})

/** Closed with the others. */
async function openRandomModel(): Promise<Model> {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
  const path = join(folder, 'random.gguf')
  await writeRandomTextModel(path)
  const model = {
    engine: (await openLlama({ ...limits, ...settings, modelPath: path })).engine,
    text: await openVocabulary(path),
  }
  rmSync(folder, { recursive: true })
  opened.push(model.engine, model.text)
  return model
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

let made = 0
function asked(
  gbnf: string,
  more: Partial<SamplingParams> & { maxTokens?: number } = {},
  vocabulary = text,
): Sequence {
  const { maxTokens = 400, ...sampling } = more
  return sequenceOf({
    id: `g${made++}`,
    prompt: [...vocabulary.tokenize('What is the capital of France? Answer:', false)],
    maxTokens,
    stopTokens: [...vocabulary.vocabulary.endOfGeneration],
    sampling: { ...greedy, temperature: 1, ...sampling, grammar: gbnf },
  })
}

/** The same one, of which so much has been generated before. */
function begun({ spec }: Sequence, generated: number[]): Sequence {
  return new Sequence(`g${made++}`, spec, generated)
}

function textOf({ tokens, promptLength }: Sequence, vocabulary = text): string {
  const detokenizer = new Detokenizer(vocabulary.vocabulary)
  return (
    tokens
      .slice(promptLength)
      .map((token) => detokenizer.push(token))
      .join('') + detokenizer.flush()
  )
}

const run = async (sequences: readonly Sequence[], on = engine): Promise<void> => {
  await drain(sequences, on, new NoPrefixSlotCache(limits.slots))
}

describe('a grammar in the engine', () => {
  for (const { which, rounds, patience } of MODELS)
    it(
      `a grammar allows only valid output: ${rounds} random schemas on ${which}`,
      async () => {
        const model = which === 'the built-in model' ? { engine, text } : await openRandomModel()
        const schemas = new RandomSchemas(random(99))
        const ends = new Map<string, number>()
        for (let first = 0; first < rounds; first += TOGETHER) {
          const drawn = Array.from(
            { length: Math.min(TOGETHER, rounds - first) },
            () => schemas.draw().schema,
          )
          const sequences = drawn.map((schema, index) => {
            const gbnf = compileConstraint({ kind: 'json_schema', source: JSON.stringify(schema) })
            // Every second one nearly whatever the model thinks: any token that fits is as good.
            const temperature = index % 2 === 0 ? 1 : 100
            return asked(gbnf, { seed: first + index, temperature }, model.text)
          })
          await run(sequences, model.engine)
          for (const [index, one] of sequences.entries()) {
            ends.set(one.end ?? '', (ends.get(one.end ?? '') ?? 0) + 1)
            if (one.end !== 'stop') continue
            const schema = drawn[index] ?? {}
            const output = textOf(one, model.text)
            const where = `${output} by ${JSON.stringify(schema)}`
            expect(validatorOf(schema)(JSON.parse(output)), where).toBeUndefined()
          }
          progress(`outputs of ${which}`, first + drawn.length, rounds)
        }
        expect(ends.get('error')).toBeUndefined()
        expect(ends.get('stop')).toBeGreaterThan(rounds / 2)
      },
      300_000 + patience * rounds,
    )

  it('forced calls in every notation are parsed, and have valid arguments', async () => {
    const below = random(5)
    const drawn = toolFormats.flatMap(({ name: format, notation }) =>
      notation === undefined ? [] : [1, 2].map(() => ({ format, tools: randomTools(below) })),
    )
    const sequences = drawn.map(({ format, tools }, seed) => {
      const calls = { format, tools: pairsOf(tools), wanted: 'one' } as const
      return asked(compileConstraint({ kind: 'calls', source: '', calls }), { seed, maxTokens: 200 })
    })
    await run(sequences)
    let stopped = 0
    for (const [index, one] of sequences.entries()) {
      expect(one.error).toBeUndefined()
      const { format, tools } = drawn[index] ?? { format: '', tools: [] }
      const offered = new Map(pairsOf(tools))
      if (one.end !== 'stop') continue
      stopped++
      const parser = new OutputParser({ tools: { format, offered, single: false } })
      const parts = [...parser.push(textOf(one)), ...parser.flush()]
      expect(parts.map(({ type }) => type)).toEqual(['call', 'arguments'])
      const [call, args] = parts
      if (call?.type !== 'call' || args?.type !== 'arguments') throw new Error('no call')
      expect(
        validatorOf(offered.get(call.name) ?? { not: {} })(JSON.parse(args.text)),
        args.text,
      ).toBeUndefined()
    }
    expect(stopped).toBeGreaterThan(4)
  })

  it('an unforced call without a tag follows its grammar once the model has begun it', async () => {
    const below = random(6)
    const drawn = toolFormats.flatMap(({ name: format, notation }) => {
      const { leading } = notation ?? {}
      return leading === undefined
        ? []
        : Array.from({ length: 6 }, () => ({ format, leading, tools: randomTools(below) }))
    })
    expect(drawn.length).toBe(30)
    const sequences = drawn.map(({ format, leading, tools }, seed) => {
      const calls = { format, tools: pairsOf(tools), wanted: 'any' } as const
      const gbnf = compileConstraint({ kind: 'calls', source: '', calls })
      const opening = leading.opening(tools[0]?.name ?? '').join(' ')
      return begun(asked(gbnf, { seed }), [...text.tokenize(opening, false)])
    })
    await run(sequences)
    let held = 0
    for (const [index, one] of sequences.entries()) {
      expect(one.error).toBeUndefined()
      const { format, tools } = drawn[index] ?? { format: '', tools: [] }
      const offered = new Map(pairsOf(tools))
      const parser = new OutputParser({ tools: { format, offered, single: true } })
      const [call, args, ...others] = [...parser.push(textOf(one)), ...parser.flush()]
      if (args?.type !== 'arguments' || (one.end !== 'stop' && others.length === 0)) continue
      held++
      expect(call).toMatchObject({ type: 'call', name: tools[0]?.name })
      const invalidity = validatorOf(offered.get(tools[0]?.name ?? '') ?? { not: {} })
      expect(invalidity(JSON.parse(args.text)), args.text).toBeUndefined()
    }
    expect(held).toBeGreaterThan(4)
  })

  it('a grammar allows a control token by its text, as the markup of calls often is one', async () => {
    const control = text.vocabulary.control.map(
      (id) => [id, text.controlTexts[text.vocabulary.control.indexOf(id)]] as const,
    )
    const [token, spelled] = control.find(([id]) => !text.vocabulary.endOfGeneration.includes(id)) ?? [0, '']
    const one = asked(compileConstraint(exact(`${spelled}[f()]`)), { logitBias: [[token, 100]] })
    await run([one])
    expect(one.end).toBe('stop')
    expect(one.tokens[one.promptLength]).toBe(token)
    expect(textOf(one)).toBe('[f()]')
  })

  it('a grammar allows no overlong UTF-8, however likely its bytes are', async () => {
    const model = await openRandomModel()
    const idOf = (byte: number): number =>
      range(model.text.vocabulary.size).find((token) => {
        const { bytes, offsets } = model.text.vocabulary
        return offsets[token + 1] === (offsets[token] ?? 0) + 1 && bytes[offsets[token] ?? 0] === byte
      }) ?? -1
    const wanted = [0xe0, ...range(0x20).map((low) => 0x80 + low)]
    const logitBias = wanted.map((byte, index): [number, number] => [idOf(byte), index === 0 ? 100 : 80])
    const one = asked('root ::= [\\u0080-\\uffff] "."', { logitBias }, model.text)
    await run([one], model.engine)
    expect(one.tokens[one.promptLength]).toBe(idOf(0xe0))
    expect(textOf(one, model.text)).toMatch(/^[\u0800-\u0fff]\.$/)
  })

  const exact = (...choices: string[]): Constraint => ({ kind: 'choice', source: JSON.stringify(choices) })

  it('a grammar that is complete ends with an end-of-generation token, and not before', async () => {
    const [one, other] = [exact('blue whale'), exact('red', 'redder')].map((item) =>
      asked(compileConstraint(item)),
    )
    if (one === undefined || other === undefined) throw new Error('two were made')
    await run([one, other])
    expect([one.end, textOf(one)]).toEqual(['stop', 'blue whale'])
    expect(other.end).toBe('stop')
    expect(['red', 'redder']).toContain(textOf(other))
  })

  it('the token limit cuts constrained output with finish reason `length`', async () => {
    const one = asked(compileConstraint(exact('a rather long sentence that has no other way to go')), {
      maxTokens: 3,
    })
    await run([one])
    expect([one.end, one.generated]).toEqual(['length', 3])
  })

  it('a sequence whose grammar no token fits fails alone', async () => {
    const banned = Array.from({ length: text.vocabulary.size }, (_, token): [number, number] => [
      token,
      Number.NEGATIVE_INFINITY,
    ])
    const gbnf = compileConstraint(exact('blue'))
    const stuck = [0, 1].map((temperature) => asked(gbnf, { temperature, logitBias: banned }))
    const fine = asked(gbnf)
    await run([...stuck, fine])
    for (const one of stuck)
      expect([one.end, one.error]).toEqual(['error', expect.stringContaining('no token')])
    expect([fine.end, textOf(fine)]).toEqual(['stop', 'blue'])
  })

  it('a sequence whose grammar llama.cpp refuses fails alone', async () => {
    const [bad, good] = [asked('root ::= ('), asked(compileConstraint(exact('x')))]
    await run([bad, good])
    expect([bad.end, good.end, textOf(good)]).toEqual(['error', 'stop', 'x'])
  })

  it('a grammar does not apply to the next sequence of its slot', async () => {
    const first = asked(compileConstraint(exact('first')))
    await run([first])
    const free = (): Sequence =>
      sequenceOf({
        id: `f${made++}`,
        prompt: [...text.tokenize('What is the capital of France?', false)],
        maxTokens: 8,
        stopTokens: [],
        sampling: greedy,
        logprobs: { top: 5, prompt: false },
      })
    const [second, third] = [free(), free()]
    await run([second])
    await run([third])
    expect(textOf(second)).not.toBe('')
    expectSame([toldBy(second)], [toldBy(third)])
  })

  it.each(['copied', 'computed again'])(
    'a grammar continues where its sequence was when that returns to a slot, %s',
    async (how) => {
      const gbnf = `root ::= "first " "second " "third " "fourth."`
      const { tokens: prompt, spec } = asked(gbnf)
      const { sampling } = spec
      const stops = new Set(text.vocabulary.endOfGeneration)
      const history = [...prompt]
      const slots = [0, 0, 1, 1, ...Array.from({ length: 60 }, () => 0)]
      for (const [step, slot] of slots.entries()) {
        const before = slots[step - 1]
        const moves = before !== undefined && before !== slot
        const start = step === 0 || (moves && how !== 'copied') ? 0 : history.length - 1
        const [token] = await draw(engine, [
          {
            id: 'wanderer',
            slot,
            start,
            copyFrom: moves && how === 'copied' ? before : undefined,
            tokens: history.slice(start),
            sample: sampling,
            history: [...history],
            promptLength: prompt.length,
          },
        ])
        if (typeof token !== 'number') throw new Error(`step ${step}: ${token}`)
        if (stops.has(token)) break
        history.push(token)
      }
      const detokenizer = new Detokenizer(text.vocabulary)
      const said = history.slice(prompt.length).map((token) => detokenizer.push(token))
      expect(said.join('') + detokenizer.flush()).toBe('first second third fourth.')
    },
  )

  it('a grammar continues after tokens that another engine or slot generated', async () => {
    const gbnf = `root ::= "first" " "? "second" [ ]? [0-9] [0-9] [0-9] "."`
    const whole = asked(gbnf, { seed: 3 })
    await run([whole])
    const generated = whole.tokens.slice(whole.promptLength)
    expect(textOf(whole)).toMatch(/^first ?second ?\d{3}\.$/)
    for (let done = 1; done < generated.length; done++) {
      const rest = begun(whole, generated.slice(0, done))
      await run([rest])
      expect(textOf(rest)).toMatch(/^first ?second ?\d{3}\.$/)
    }
  })
})

it('an end-of-generation token that the grammar does not allow is an error', async () => {
  const ends = (tooEarly: boolean) => ({
    grammar: { after: () => ({}), endsTooEarly: () => tooEarly },
    state: {},
  })
  expect(await drawWithin(ends(true), async () => 7)).toBeInstanceOf(Error)
  expect(await drawWithin(ends(false), async () => 7)).toBe(7)
})

it('parsed grammars are cached up to a size, and the least recently used is dropped first', () => {
  const parsed: string[] = []
  const cache = new GrammarCache((gbnf) => {
    parsed.push(gbnf)
    return { after: () => ({}), endsTooEarly: () => false }
  }, 10)
  for (const gbnf of ['aaaa', 'bbbb', 'aaaa', 'cccc', 'aaaa', 'bbbb'])
    cache.after({ ...greedy, grammar: gbnf }, [])
  expect(parsed).toEqual(['aaaa', 'bbbb', 'cccc', 'bbbb'])
  expect(cache.after(greedy, [])).toBeUndefined()
})
