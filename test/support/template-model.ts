import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { text, u32, u64 } from '../models/gguf-writer.ts'

const builtIn = fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const KEY = Buffer.concat([text('tokenizer.chat_template'), u32(8)])
/** GGUF: tensors are aligned to so many bytes from the start of the file. */
const ALIGNMENT = 32

/** The built-in model with another chat template, written to `path`. */
export function writeTemplateModel(path: string, template: string): void {
  const model = readFileSync(builtIn)
  const at = model.indexOf(KEY) + KEY.length
  const length = Number(model.readBigUInt64LE(at))
  const bytes = Buffer.from(template)
  // A comment of Jinja's keeps the tensors where they are, counted from an aligned place.
  const room = (((length - bytes.length - 4) % ALIGNMENT) + ALIGNMENT) % ALIGNMENT
  const value = Buffer.concat([bytes, Buffer.from(`{#${' '.repeat(room)}#}`)])
  writeFileSync(
    path,
    Buffer.concat([model.subarray(0, at), u64(BigInt(value.length)), value, model.subarray(at + 8 + length)]),
  )
}
