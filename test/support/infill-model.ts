import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { text, u32 } from '../models/gguf-writer.ts'

const builtIn = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
/** GGUF: magic, version, number of tensors, number of pairs; the pairs follow. */
const [PAIR_COUNT_AT, PAIRS_AT, ALIGNMENT] = [16, 24, 32]
const [U32, TEXT] = [u32(4), u32(8)]

/** The built-in model with tokens for filling in the middle, written to `path`. They are plain tokens of it. */
export function writeInfillModel(path: string, prefix: number, suffix: number, middle: number): void {
  const model = readFileSync(builtIn)
  const ids = Object.entries({ pre: prefix, suf: suffix, mid: middle }).map(([name, id]) =>
    Buffer.concat([text(`tokenizer.ggml.fim_${name}_token_id`), U32, u32(id)]),
  )
  const filler = (length: number): Buffer =>
    Buffer.concat([text('test.filler'), TEXT, text(' '.repeat(length))])
  // The tensors stay where they are, counted from an aligned place.
  const added = Buffer.concat([...ids, filler(0)]).length
  const pairs = Buffer.concat([...ids, filler((ALIGNMENT - (added % ALIGNMENT)) % ALIGNMENT)])
  const head = Buffer.from(model.subarray(0, PAIRS_AT))
  head.writeBigUInt64LE(head.readBigUInt64LE(PAIR_COUNT_AT) + BigInt(ids.length + 1), PAIR_COUNT_AT)
  writeFileSync(path, Buffer.concat([head, pairs, model.subarray(PAIRS_AT)]))
}
