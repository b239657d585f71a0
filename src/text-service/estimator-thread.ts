import { parentPort, workerData } from 'node:worker_threads'
import { Tiktoken } from 'tiktoken/lite'
import type { Texts } from './token-estimator.ts'

/** OpenAI's cl100k_base without English endings: words with what is before them, numbers, signs, spaces. */
const PIECES =
  '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** A vocabulary in tiktoken's notation. A token's id is its rank, which holds for merges and is near enough elsewhere. */
function ranksOf({ size, bytes, offsets }: Texts): string {
  const ranks = new Map<string, number>()
  const add = (piece: Uint8Array, rank: number): void => {
    const text = Buffer.from(piece).toString('base64')
    if (text !== '' && !ranks.has(text)) ranks.set(text, rank)
  }
  for (let token = 0; token < size; token++) add(bytes.subarray(offsets[token], offsets[token + 1]), token)
  // tiktoken: every byte must have a rank, and no two texts the same.
  for (let byte = 0; byte < 256; byte++) add(Uint8Array.of(byte), size + byte)
  return [...ranks].map(([text, rank]) => `! ${rank} ${text}`).join('\n')
}

const encoder = new Tiktoken(ranksOf(workerData as Texts), {}, PIECES)
parentPort?.on('message', (windows: readonly string[]) => {
  parentPort?.postMessage(
    windows.reduce((tokens, window) => tokens + encoder.encode_ordinary(window).length, 0),
  )
})
parentPort?.postMessage('ready')
