import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text, u32 } from '../models/gguf-writer.ts'

const GGUF_HEAD = 24
const builtIn = join(import.meta.dirname, '../../models/altiplano-demo.gguf')

/** The built-in model as an embedding model: its file, with qwen3.pooling_type 3 (the last token's vector). */
export async function writeEmbeddingModel(path: string): Promise<void> {
  const bytes = await readFile(builtIn)
  const pooling = Buffer.concat([text('qwen3.pooling_type'), u32(4), u32(3)])
  // The tensors are aligned to 32 bytes from the start of the file: what is put before them has to be, too.
  const name = Buffer.concat([text('x.fill'), u32(8)])
  const room = 8 + 32 - ((pooling.length + name.length + 8 + 8) % 32)
  const added = Buffer.concat([pooling, name, text(' '.repeat(room))])
  const head = Buffer.from(bytes.subarray(0, GGUF_HEAD))
  head.writeBigUInt64LE(head.readBigUInt64LE(16) + 2n, 16)
  await writeFile(path, Buffer.concat([head, added, bytes.subarray(GGUF_HEAD)]))
}
