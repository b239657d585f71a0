import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLlama } from '../../src/engine/llama/engine.ts'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { compileConstraint } from '../../src/grammar/compile-grammar.ts'
import { NoPrefixSlotCache } from '../../src/kvcache/no-prefix-slot-cache.ts'
import { Detokenizer } from '../../src/text/output/detokenizer.ts'
import { writeRandomLlama } from '../support/random-text-model.ts'
import { sequenceOf } from '../support/sequences.ts'
import { validatorOf } from '../support/validator.ts'
import {
  madeVocabularies,
  realVocabularies,
  spellingsOf,
  type VocabularySpec,
} from '../support/vocabularies.ts'
import { drain, greedy } from '../support/workload.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const modelPath = join(folder, 'model.gguf')
afterAll(() => rmSync(folder, { recursive: true }))

const real = realVocabularies()
/** Texts for vocabularies of which nobody wrote down what is to come out. */
const TEXTS = real.find(({ name }) => name === 'llama-bpe')?.vectors?.map(([text]) => text) ?? []
const SCHEMA = {
  type: 'object',
  properties: {
    fixed: { enum: ['Äpfel and 4 ½ months', 'two words', '我想\n"成为"'] },
    free: { type: 'string', maxLength: 8 },
  },
  required: ['fixed', 'free'],
  additionalProperties: false,
}

/** SentencePiece puts a space before a text, which is part of its first token. */
const SPACE_BEFORE = new Set(['baichuan', 'llama-spm', 'phi-3'])
/** Vocabularies of models that write nothing: they drop case, marks or repeated spaces. */
const ENCODERS = new Set(['bert-bge', 'nomic-bert-moe'])

let text: LlamaVocabulary
async function open({ pairs, size }: VocabularySpec): Promise<void> {
  await writeRandomLlama(modelPath, pairs, size, { tied: true })
  text = await openVocabulary(modelPath)
}

const tokensOf = (written: string): number[] => [...text.tokenize(written, false)]

/** What a client gets of these tokens one by one. */
function streamed(tokens: readonly number[]): string[] {
  const detokenizer = new Detokenizer(text.vocabulary)
  return [...tokens.map((token) => detokenizer.push(token)), detokenizer.flush()]
}

describe.each([...real, ...madeVocabularies()])('the vocabulary of $name', (spec) => {
  const { name, vectors } = spec
  const texts = vectors?.map(([written]) => written) ?? spec.texts ?? TEXTS
  beforeAll(() => open(spec))
  afterAll(() => text.close())

  if (vectors !== undefined)
    it(`the vocabulary of ${name} tokenizes as its authors expect`, () => {
      for (const [written, tokens] of vectors ?? [])
        expect([written, tokensOf(written)]).toEqual([written, tokens])
    })

  if (ENCODERS.has(name))
    it(`the vocabulary of ${name} gives a text that has the same tokens`, () => {
      for (const written of texts) {
        const tokens = tokensOf(written)
        if (tokens.some((token) => text.vocabulary.silent.has(token))) continue
        expect([written, tokensOf(streamed(tokens).join('').trimStart())]).toEqual([written, tokens])
      }
    })

  if (!ENCODERS.has(name))
    it(`the vocabulary of ${name} gives back every text, in pieces that are whole characters`, () => {
      for (const written of texts) {
        const expected = SPACE_BEFORE.has(name) && written !== '' ? ` ${written}` : written
        const tokens = tokensOf(written)
        const pieces = streamed(tokens)
        expect(pieces.join('')).toBe(expected)
        for (const piece of pieces) expect(piece).not.toContain('\ufffd')
        for (let cut = 0; cut < tokens.length; cut++)
          expect(
            expected.startsWith(streamed(tokens.slice(0, cut)).join('')),
            `${written} cut at ${cut}`,
          ).toBe(true)
      }
    })

  if (!ENCODERS.has(name))
    it(`the vocabulary of ${name} writes JSON by a schema`, async () => {
      const limits = { slots: 1, contextSize: 256, batchTokens: 32 }
      const settings = { threads: 1, gpuLayers: 0, kvCacheType: 'f16' } as const
      const { engine } = await openLlama({ modelPath, ...limits, ...settings })
      const grammar = compileConstraint({ kind: 'json_schema', source: JSON.stringify(SCHEMA) })
      const answer = sequenceOf({
        id: 'answer',
        prompt: tokensOf('Hello'),
        maxTokens: 200,
        stopTokens: [...text.vocabulary.endOfGeneration],
        sampling: { ...greedy, temperature: 1, seed: 1, grammar },
      })
      await drain([answer], engine, new NoPrefixSlotCache(limits.slots))
      await engine.close()
      const pieces = streamed(answer.tokens.slice(answer.promptLength))
      expect([answer.end, pieces.join('')]).toEqual(['stop', expect.stringMatching(/^\{/)])
      expect(validatorOf(SCHEMA)(JSON.parse(pieces.join('')))).toBeUndefined()
      for (const piece of pieces) expect(piece).not.toContain('\ufffd')
    })
})

describe('a token that is no plain text', () => {
  const SPECIAL = 'SentencePiece without a space before a text'
  const all = [...real, ...madeVocabularies()]
  async function textsOf(name: string, tokens: readonly string[]): Promise<(string | undefined)[]> {
    const spec = all.find((one) => one.name === name)
    if (spec === undefined) throw new Error(`no vocabulary ${name}`)
    await open(spec)
    const spellings = spellingsOf(spec)
    const told = tokens.map((spelling) => streamed([spellings.indexOf(spelling)]).join(''))
    await text.close()
    return told
  }

  it('a control, unknown or unused token has no text', async () => {
    expect(await textsOf(SPECIAL, ['<s>', '<unk>', '<reserved>'])).toEqual(['', '', ''])
  })
  it('a token that a user has defined has the text of the file', async () => {
    expect(await textsOf(SPECIAL, ['<|mark|>', '  '])).toEqual(['<|mark|>', '  '])
  })
  it('a token with other letters than bytes has the text of its spelling', async () => {
    expect(await textsOf('command-r', ['\u203c', '\u00e9'])).toEqual(['\u203c', ''])
  })
})
