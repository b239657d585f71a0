import type { AddonModel } from './addon.ts'

// llama.cpp: llama_token_attr.
export const CONTROL = 1 << 3
export const USER_DEFINED = 1 << 4
const BYTE = 1 << 5
export const UNKNOWN = 1 << 0

/** The bytes that each token stands for, whether they are text or not. */
export function tokenBytes(
  model: Pick<AddonModel, 'getTokenString' | 'getTokenAttributes' | 'getVocabularyType'>,
): (token: number) => Uint8Array {
  // llama.cpp: llama_vocab_type; 2 is BPE, whose texts are in GPT-2's byte alphabet.
  const alphabet = model.getVocabularyType() === 2 ? byteAlphabet() : undefined
  return (token) => spelled(model.getTokenString(token), model.getTokenAttributes(token), alphabet)
}

function spelled(
  text: string,
  attributes: number,
  alphabet: ReadonlyMap<string, number> | undefined,
): Uint8Array {
  if (alphabet !== undefined && (attributes & USER_DEFINED) === 0) {
    return Uint8Array.from([...text].flatMap((letter) => alphabet.get(letter) ?? [...Buffer.from(letter)]))
  }
  const byte = attributes & BYTE ? /^<0x([0-9A-Fa-f]{2})>$/.exec(text) : null
  if (byte?.[1] !== undefined) return Uint8Array.of(Number.parseInt(byte[1], 16))
  return Buffer.from(alphabet === undefined ? text.replaceAll('\u2581', ' ') : text)
}

/** GPT-2: printable bytes stand for themselves, the others for the characters from 256 on. */
function byteAlphabet(): ReadonlyMap<string, number> {
  const alphabet = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    alphabet.set(String.fromCharCode(printable ? byte : next++), byte)
  }
  return alphabet
}
