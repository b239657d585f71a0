import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Tiktoken } from 'tiktoken'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'

// llama.cpp: the pre-tokenizer of LLAMA_VOCAB_PRE_TYPE_QWEN2, which the built-in model names.
const qwen2 =
  "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

let vocabulary: LlamaVocabulary
let oracle: Tiktoken

beforeAll(async () => {
  vocabulary = await openVocabulary(
    fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url)),
  )
  const { size, bytes, offsets } = vocabulary.vocabulary
  const special = new Set([...vocabulary.controlTexts, ...vocabulary.markupTexts])
  const ranks = Array.from({ length: size }, (_, token) =>
    Buffer.from(bytes.subarray(offsets[token], offsets[token + 1])),
  )
    .flatMap((text, token) =>
      text.length === 0 || special.has(text.toString()) ? [] : [`! ${token} ${text.toString('base64')}`],
    )
    .join('\n')
  oracle = new Tiktoken(ranks, {}, qwen2)
})
afterAll(async () => {
  oracle.free()
  await vocabulary.close()
})

describe('tokenization with the vocabulary of tiktoken', () => {
  it.each([
    'Hello, world!',
    'What is 17 + 25?',
    "it's  two   spaces\n\n\tand a tab",
    '日本語 и русский',
    'naïve 😀',
  ])('llama.cpp tokenizes like tiktoken: %s', (text) => {
    expect([...vocabulary.tokenize(text, false)]).toEqual([...oracle.encode_ordinary(text)])
  })

  it('llama.cpp tokenizes any text like tiktoken', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        fc.pre(!vocabulary.markupTexts.some((markup) => text.includes(markup)))
        expect([...vocabulary.tokenize(text, false)]).toEqual([...oracle.encode_ordinary(text)])
      }),
      { numRuns: 500 },
    )
  })
})
