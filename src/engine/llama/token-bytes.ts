import type { AddonModel } from './addon.ts'

// llama.cpp: llama_token_attr.
export const CONTROL = 1 << 3
export const USER_DEFINED = 1 << 4
export const UNKNOWN = 1 << 0

/** One of the ways in which model files spell the bytes of their tokens. */
type Spelling = (text: string) => Uint8Array

/** llama.cpp: its text of a token that has other letters than GPT-2's bytes, though the vocabulary is spelled in them. */
const MISSPELLED = '[UNK_BYTE_0x'

/**
 * The bytes that each token stands for, whether they are text or not. llama.cpp knows them by the vocabulary's type, its pre-tokenizer
 * and the token's attributes, and gives them as a text: a part of a character is U+FFFD there, and spaces may be missing. So a token's
 * bytes are those of the spelling that llama.cpp's text agrees with; where there is none, as of unused tokens, those of the text.
 */
export function tokenBytes(
  model: Pick<AddonModel, 'getTokenString' | 'detokenize'>,
): (token: number) => Uint8Array {
  const textOf = tokenText(model)
  const spellings: Spelling[] = [byteLetters, sentencePiece, escaped]
  return (token) => {
    const given = textOf(token)
    const text = model.getTokenString(token)
    // Letter for letter: no spelling has fewer letters than its text.
    if (given.length === text.length && !given.includes('\ufffd')) return Buffer.from(given)
    const agreed = spellings.findIndex((spelling) => agree(spelling(text), given))
    if (agreed === -1) return given.includes(MISSPELLED) ? Buffer.from(text) : Buffer.from(given)
    // Tokens of one vocabulary are spelled alike.
    if (agreed > 0) spellings.unshift(...spellings.splice(agreed, 1))
    return (spellings[0] as Spelling)(text)
  }
}

/** llama.cpp's text of each token: U+FFFD for what is no character. */
export function tokenText(model: Pick<AddonModel, 'detokenize'>): (token: number) => string {
  const one = new Uint32Array(1)
  return (token) => {
    one[0] = token
    return model.detokenize(one, true)
  }
}

/** Whether bytes are those of llama.cpp's text, which has no space at its start, nor before a comma, where the vocabulary says so. */
function agree(bytes: Uint8Array, given: string): boolean {
  const text = Buffer.from(bytes).toString()
  return text === given || text.replaceAll(' ', '') === given.replaceAll(' ', '')
}

/** GPT-2: printable bytes are letters of their own, the others the letters from 256 on. */
const BYTE_OF_LETTER = new Map<string, number>()
for (let byte = 0, next = 256; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  BYTE_OF_LETTER.set(String.fromCharCode(printable ? byte : next++), byte)
}

/** GPT-2: a letter for each byte. What has other letters, too, is a text. */
function byteLetters(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(text.length)
  for (let at = 0; at < text.length; at++) {
    const byte = BYTE_OF_LETTER.get(text.charAt(at))
    if (byte === undefined) return Buffer.from(text)
    bytes[at] = byte
  }
  return bytes
}

/** SentencePiece: a space is U+2581, and a byte of no other token `<0xC3>`. */
function sentencePiece(text: string): Uint8Array {
  const [, byte] = /^<0x([0-9A-Fa-f]{2})>$/.exec(text) ?? []
  return byte === undefined
    ? Buffer.from(text.replaceAll('\u2581', ' '))
    : Uint8Array.of(Number.parseInt(byte, 16))
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** RWKV: as Python writes bytes. */
function escaped(text: string): Uint8Array {
  const letters = Buffer.from(text).toString('latin1')
  const bytes = letters.replace(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, hex?: string, letter = '') =>
    hex === undefined ? (ESCAPES.get(letter) ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1')
}
