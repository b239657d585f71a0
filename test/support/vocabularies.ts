import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { f32s, type GgufSpec, i32s } from '../models/gguf-writer.ts'
import { llamaModels } from './llama-source.ts'
import { BYTE_LETTERS, TOKEN } from './random-text-model.ts'

/** A vocabulary as a file has it. */
export interface VocabularySpec {
  readonly name: string
  /** All of the file that begins with `tokenizer.`. */
  readonly pairs: GgufSpec['pairs']
  readonly size: number
  /** Texts, and the tokens that llama.cpp's authors expect of them; absent where they wrote none down. */
  readonly vectors?: readonly (readonly [text: string, tokens: readonly number[]])[]
  /** Texts that it can write, where that is not every text. */
  readonly texts?: readonly string[]
}

/** Vocabularies of real models, of llama.cpp's source. */
export function realVocabularies(): VocabularySpec[] {
  const folder = llamaModels()
  return readdirSync(folder)
    .filter((file) => file.endsWith('.gguf'))
    .sort()
    .map((file) => {
      const path = join(folder, file)
      const vectors = vectorsOf(path)
      return {
        name: /vocab-(.+)\.gguf$/.exec(file)?.[1] ?? file,
        ...tokenizerOf(path),
        ...(vectors && { vectors }),
      }
    })
}

/** llama.cpp: texts between lines of `__ggml_vocab_test__`, and a line of tokens for each. */
function vectorsOf(path: string): VocabularySpec['vectors'] {
  try {
    const texts = readFileSync(`${path}.inp`, 'utf8').split('\n__ggml_vocab_test__\n')
    const lines = readFileSync(`${path}.out`, 'utf8').split('\n')
    // The last one is followed by a line end of the file.
    return texts.slice(0, -1).map((text, index) => [text, (lines[index]?.match(/\d+/g) ?? []).map(Number)])
  } catch {
    return undefined
  }
}

/** GGUF: bytes of a value of each type. */
const BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]
const [TEXT, ARRAY] = [8, 9]

function tokenizerOf(path: string): Pick<VocabularySpec, 'pairs' | 'size'> {
  const file = readFileSync(path)
  const pairs: [string, { raw: Buffer }][] = []
  let size = 0
  let at = 16
  const u32 = (): number => {
    at += 4
    return file.readUInt32LE(at - 4)
  }
  const u64 = (): number => {
    at += 8
    return Number(file.readBigUInt64LE(at - 8))
  }
  const skip = (type: number): void => {
    // The length first: it moves on, too.
    const length = type === TEXT ? u64() : (BYTES[type] ?? 0)
    at += length
  }
  for (let left = u64(); left > 0; left--) {
    const length = u64()
    const key = file.toString('utf8', at, at + length)
    at += length
    const start = at
    const type = u32()
    if (type === ARRAY) {
      const each = u32()
      const count = u64()
      if (key === 'tokenizer.ggml.tokens') size = count
      for (let item = 0; item < count; item++) skip(each)
    } else skip(type)
    if (key.startsWith('tokenizer.')) pairs.push([key, { raw: file.subarray(start, at) }])
  }
  return { pairs, size }
}

/** How a file spells its tokens. */
export function spellingsOf({ pairs }: VocabularySpec): readonly string[] {
  const list = pairs.find(([key]) => key === 'tokenizer.ggml.tokens')?.[1]
  if (list === undefined || !('raw' in list)) return list !== undefined && 'texts' in list ? list.texts : []
  const spellings: string[] = []
  // Behind the types of the array and of its items, and their number.
  for (let at = 16; at < list.raw.length; ) {
    const end = at + 8 + Number(list.raw.readBigUInt64LE(at))
    spellings.push(list.raw.toString('utf8', at + 8, end))
    at = end
  }
  return spellings
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')
const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => byte)

type Token = readonly [text: string, type: number, score?: number]

function made(
  name: string,
  model: string,
  tokens: readonly Token[],
  more: GgufSpec['pairs'],
): VocabularySpec {
  return {
    name,
    size: tokens.length,
    pairs: [
      ['tokenizer.ggml.model', { text: model }],
      ['tokenizer.ggml.tokens', { texts: tokens.map(([text]) => text) }],
      ['tokenizer.ggml.token_type', i32s(tokens.map(([, type]) => type))],
      ['tokenizer.ggml.scores', f32s(tokens.map(([, , score = 0]) => score))],
      ...more,
    ],
  }
}

/** Vocabularies of types of which the source has none, as small as they can be. */
export function madeVocabularies(): VocabularySpec[] {
  const normal = (texts: readonly string[]): Token[] =>
    texts.map((text, index) => [text, TOKEN.normal, -index])
  const words = normal(['Hello', ' world', '日本', '{"', '": ', 'é', '\u2581', '<', '\\'])
  const spelledBytes = BYTE_TOKENS.map((byte): Token => [`<0x${hex(byte).toUpperCase()}>`, TOKEN.byte])
  return [
    made(
      'GPT-2 with a word that is not in letters for bytes',
      'gpt2',
      [['<end>', TOKEN.control], ...normal([...BYTE_LETTERS, '‼'])],
      [
        ['tokenizer.ggml.pre', { text: 'gpt-2' }],
        ['tokenizer.ggml.merges', { texts: [] }],
        ['tokenizer.ggml.eos_token_id', { u32: 0 }],
      ],
    ),
    made(
      'RWKV',
      'rwkv',
      [
        ['<s>', TOKEN.control],
        // As Python writes bytes.
        ...normal(
          BYTE_TOKENS.map((byte) =>
            byte > 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${hex(byte)}`,
          ),
        ),
        ...normal([
          'Hello',
          ' world',
          '\\n\\n',
          '\\t\\r\\n',
          '\\xe6\\x97\\xa5',
          '\\xe6\\x97\\xa5\\xe6\\x9c',
          '\\\\n',
          "\\'",
          '\\\\x41',
        ]),
      ],
      [['tokenizer.ggml.eos_token_id', { u32: 0 }]],
    ),
    made(
      'PLaMo 2',
      'plamo2',
      [
        ['<|plamo:unk|>', TOKEN.unknown],
        ['<|plamo:bos|>', TOKEN.control],
        ['<|plamo:eos|>', TOKEN.control],
        ['<|plamo:pad|>', TOKEN.control],
        ...spelledBytes,
        ...words,
      ],
      [],
    ),
    made(
      'SentencePiece without a space before a text',
      'llama',
      [
        ['<unk>', TOKEN.unknown],
        ['<s>', TOKEN.control],
        ['</s>', TOKEN.control],
        ...spelledBytes,
        ...normal(['\u2581', '\u2581world', 'Hello', '日本', '{"', '":', 'é', 'h', 'i']),
        ['<|mark|>', TOKEN.userDefined],
        // As converters write it.
        ['  ', TOKEN.userDefined],
        ['<reserved>', TOKEN.unused],
      ],
      [['tokenizer.ggml.add_space_prefix', { raw: Buffer.from([7, 0, 0, 0, 0]) }]],
    ),
    {
      texts: ['Hello world', 'some  spaces   and, "punctuation" !', ' 日本é', '日本 Hello'],
      ...made(
        'Unigram',
        't5',
        [
          ['<pad>', TOKEN.control],
          ['</s>', TOKEN.control],
          ['<unk>', TOKEN.unknown],
          ...normal(['\u2581', '\u2581Hello', '\u2581world', '日本', 'é']),
          ...BYTE_TOKENS.slice(0x21, 0x7f).map(
            (byte): Token => [String.fromCharCode(byte), TOKEN.normal, -20],
          ),
        ],
        [['tokenizer.ggml.remove_extra_whitespaces', { raw: Buffer.from([7, 0, 0, 0, 0]) }]],
      ),
    },
  ]
}
