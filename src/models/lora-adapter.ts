import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { basename, isAbsolute, relative, resolve } from 'node:path'
import { readGgufHeader } from './gguf/gguf.ts'
import { locateLocal } from './locate.ts'
import { ModelFileError } from './model-file-error.ts'

/** A LoRA adapter whose file has been checked against its model. */
export interface LoraAdapter {
  readonly path: string
  /** Hash of the file's content: another file under the same name is another adapter. */
  readonly id: string
  readonly rank: number
}

type Shapes = ReadonlyMap<string, readonly number[]>

/**
 * Reads an adapter and checks it before llama.cpp does: it must be a LoRA, and each of its pairs of tensors fit one of the model's.
 * @param shards of the model.
 * @throws ModelFileError that names the file and says why.
 */
async function readLoraAdapter(path: string, shards: readonly string[]): Promise<LoraAdapter> {
  const { metadata, shapes } = await readGgufHeader(path)
  const fail = (reason: string): ModelFileError => new ModelFileError(`${basename(path)}: ${reason}`)
  const kind = metadata.get('general.type')
  if (kind !== 'adapter' || metadata.get('adapter.type') !== 'lora') {
    throw fail('is not a LoRA adapter (general.type adapter, adapter.type lora).')
  }
  // llama.cpp would take an activated LoRA for a plain one, with other answers.
  if (metadata.has('adapter.alora.invocation_tokens'))
    throw fail('is an activated LoRA, which is not supported; use a plain one.')
  const alpha = metadata.get('adapter.lora.alpha')
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw fail('has no adapter.lora.alpha.')
  const model = await modelOf(shards)
  const architecture = metadata.get('general.architecture')
  if (architecture !== model.architecture) {
    throw fail(`is made for ${String(architecture)} models; this one is ${String(model.architecture)}.`)
  }
  return { path, rank: rankOf(shapes, model.shapes, fail), id: await contentHash(path) }
}

/** The adapter of a file, or of a folder that holds one. @throws ModelFileError. */
export async function openLoraAdapter(path: string, shards: readonly string[]): Promise<LoraAdapter> {
  return readLoraAdapter((await locateLocal(path)).path, shards)
}

/** Opens an adapter at a path that a client gives, which has to lead into a folder, wherever links lead. */
export async function openLoraAdapterIn(
  folder: string,
  path: string,
  shards: readonly string[],
): Promise<LoraAdapter> {
  const asked = resolve(folder, path)
  const [inside, real] = await Promise.all([folder, asked].map((each) => realpath(each).catch(() => each)))
  const way = relative(inside ?? folder, real ?? asked)
  // The message reveals nothing about files elsewhere.
  if (way === '' || way.startsWith('..') || isAbsolute(way)) {
    throw new ModelFileError('the path does not lead into the folder of --lora-dir.')
  }
  return openLoraAdapter(asked, shards)
}

async function modelOf(shards: readonly string[]): Promise<{ architecture: unknown; shapes: Shapes }> {
  const shapes = new Map<string, readonly number[]>()
  let architecture: unknown
  for (const shard of shards) {
    const header = await readGgufHeader(shard)
    architecture ??= header.metadata.get('general.architecture')
    for (const [name, shape] of header.shapes) shapes.set(name, shape)
  }
  return { architecture, shapes }
}

/** Rank of an adapter. llama.cpp: X.lora_a is [inputs, rank], X.lora_b [rank, outputs]; of embeddings [rank, tokens], [rank, width]. */
function rankOf(shapes: Shapes, model: Shapes, fail: (reason: string) => ModelFileError): number {
  let rank = 0
  for (const [name, a] of shapes) {
    const [, base, side] = /^(.+)\.lora_([ab])$/.exec(name) ?? []
    if (base === undefined) throw fail(`tensor '${name}' is no part of a LoRA adapter.`)
    if (side === 'b') {
      if (!shapes.has(`${base}.lora_a`)) throw fail(`tensor '${name}' has no lora_a beside it.`)
      continue
    }
    const b = shapes.get(`${base}.lora_b`)
    const whole = model.get(base)
    if (b === undefined) throw fail(`tensor '${name}' has no lora_b beside it.`)
    if (whole === undefined) throw fail(`the model has no tensor '${base}'.`)
    const table = base === 'token_embd.weight'
    const fits = table
      ? a[1] === whole[1] && b[1] === whole[0] && a[0] === b[0]
      : a[0] === whole[0] && b[1] === whole[1] && a[1] === b[0]
    // Experts are a third dimension.
    const others = [a, b, whole].map((shape) => shape.slice(2).join())
    if (!fits || others.some((rest) => rest !== others[0])) {
      throw fail(`'${base}' is [${whole}] in the model, which lora_a [${a}] and lora_b [${b}] do not fit.`)
    }
    rank = Math.max(rank, a[table ? 0 : 1] ?? 0)
  }
  if (rank === 0) throw fail('has no tensors.')
  return rank
}

async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex').slice(0, 24)
}
