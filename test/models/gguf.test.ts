import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelFileError, readGguf, readModel, readWholeModel } from '../../src/models/gguf/gguf.ts'
import { cpuWatch } from '../support/patience.ts'
import { type GgufSpec, ggufBytes, ggufSpec, text, u32, u64 } from './gguf-writer.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function write(bytes: Buffer, name = 'm.gguf'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

/** The reason a file is refused; undefined: it is valid. Any other failure is thrown on. */
async function refusal(bytes: Buffer): Promise<string | undefined> {
  try {
    await readGguf(await write(bytes))
    return undefined
  } catch (error) {
    if (error instanceof ModelFileError) return error.message
    throw error
  }
}

const set = (spec: GgufSpec, changed: Partial<GgufSpec>): void => {
  Object.assign(spec, changed)
}
const drop = (spec: GgufSpec, key: string): void => {
  spec.pairs = spec.pairs.filter(([name]) => name !== key)
}
const put = (spec: GgufSpec, key: string, value: GgufSpec['pairs'][number][1]): void => {
  drop(spec, key)
  spec.pairs.push([key, value])
}
const tensor = (spec: GgufSpec, change: Partial<GgufSpec['tensors'][number]>): void => {
  const [first, ...others] = spec.tensors
  if (first) spec.tensors = [{ ...first, ...change }, ...others]
}
const raw = (...parts: Buffer[]) => ({ raw: Buffer.concat(parts) })
const huge = 2n ** 63n

it('readGguf reads a vocabulary without weights, which ends with its header', async () => {
  const spec = ggufSpec((made) => set(made, { tensors: [], dataBytes: 0 }))
  const whole = ggufBytes(spec)
  // What comes behind the header is filled up to the alignment: GGUF writers leave that out.
  const end = whole.lastIndexOf('{{ messages }}') + '{{ messages }}'.length
  const path = await write(whole.subarray(0, end))
  expect(await readGguf(path)).toMatchObject({ tensorCount: 0, vocabularySize: 3, quantization: 'Q8_0' })
  await expect(readWholeModel([path])).rejects.toThrow('m.gguf: holds a vocabulary and no weights')
  expect(await refusal(whole.subarray(0, end - 1))).toContain('truncated')
})

it.each(['none', 'no_vocab'])('readGguf refuses a file whose vocabulary is %s', async (kind) => {
  const spec = ggufSpec((made) => put(made, 'tokenizer.ggml.model', { text: kind }))
  expect(await refusal(ggufBytes(spec))).toContain(`has no vocabulary (tokenizer.ggml.model is '${kind}')`)
})

it('readGguf reads a valid file', async () => {
  expect(await readGguf(await write(ggufBytes(ggufSpec())))).toMatchObject({
    architecture: 'llama',
    name: 'Tiny',
    quantization: 'Q8_0',
    parameters: 256,
    contextLength: 128,
    blockCount: 2,
    // 2 layers × 2 heads × 16 wide × (key + value)
    kvElementsPerToken: 128,
    vocabularySize: 3,
    hasChatTemplate: true,
    splitCount: 1,
  })
})

it('readModel reads the built-in model', async () => {
  const summary = await readModel([join(import.meta.dirname, '../../models/altiplano-demo.gguf')])
  expect(summary).toMatchObject({ architecture: 'qwen3', hasChatTemplate: true })
})

describe('malformed GGUF files', () => {
  const cases: [string, (spec: GgufSpec) => void, string][] = [
    ['a bad magic', (s) => set(s, { magic: 'GGML' }), 'is not a GGUF file: it starts with 0x47474d4c'],
    ['an LFS pointer', (s) => set(s, { magic: 'vers' }), 'Git LFS pointer'],
    ['version 1', (s) => set(s, { version: 1 }), 'has GGUF version 1'],
    ['version 4', (s) => set(s, { version: 4 }), 'has GGUF version 4'],
    ['big-endian', (s) => set(s, { version: 0x03000000 }), 'big-endian'],
    ['huge n_kv', (s) => set(s, { pairCount: huge }), 'the number of metadata pairs is 9223372036854775808'],
    ['n_kv over the file', (s) => set(s, { pairCount: 99_999n }), 'm.gguf'],
    ['huge n_tensors', (s) => set(s, { tensorCount: huge }), 'the number of tensors is'],
    ['n_tensors over the file', (s) => set(s, { tensorCount: 99_999n }), 'm.gguf'],
    [
      'a 1 GB string',
      (s) => put(s, 'x', raw(u32(8), u64(2n ** 30n))),
      "the length of the value of 'x' is 1073741824",
    ],
    [
      'a string past the end',
      (s) => put(s, 'x', raw(u32(8), u64(1_000_000n))),
      "the value of 'x' needs at least",
    ],
    [
      'a key past the end',
      (s) => void s.pairs.push(['x'.repeat(70_000), { u32: 1 }]),
      'the length of metadata key 12',
    ],
    ['a nested array', (s) => put(s, 'x', raw(u32(9), u32(9), u64(1n))), "array 'x' holds arrays"],
    ['a huge array', (s) => put(s, 'x', raw(u32(9), u32(0), u64(huge))), "the length of array 'x' is"],
    [
      'an array past the end',
      (s) => put(s, 'x', raw(u32(9), u32(10), u64(1_000_000n))),
      "array 'x' needs at least",
    ],
    [
      'a string array past the end',
      (s) => put(s, 'x', raw(u32(9), u32(8), u64(1_000_000n))),
      "array 'x' needs",
    ],
    [
      'a huge string in an array',
      (s) => put(s, 'x', raw(u32(9), u32(8), u64(1n), u64(huge))),
      'a string is 9223',
    ],
    ['an unknown array type', (s) => put(s, 'x', raw(u32(9), u32(13), u64(1n))), 'unknown value type 13'],
    ['an unknown value type', (s) => put(s, 'x', raw(u32(99))), "metadata 'x' has the unknown value type 99"],
    [
      'a key twice',
      (s) => void s.pairs.push(['general.name', { u32: 1 }]),
      "metadata key 'general.name' appears twice",
    ],
    ['alignment 0', (s) => put(s, 'general.alignment', { u32: 0 }), 'has the alignment 0'],
    ['alignment 24', (s) => put(s, 'general.alignment', { u32: 24 }), 'has the alignment 24'],
    ['alignment 2³¹', (s) => put(s, 'general.alignment', { u32: 2 ** 31 }), 'has the alignment 2147483648'],
    ['alignment text', (s) => put(s, 'general.alignment', { text: 'x' }), 'has the alignment x'],
    ['no dimensions', (s) => tensor(s, { shape: [] }), 'has 0 dimensions'],
    ['5 dimensions', (s) => tensor(s, { shape: [1n, 1n, 1n, 1n, 1n] }), 'has 5 dimensions'],
    ['dimension 0', (s) => tensor(s, { shape: [64n, 0n] }), 'impossible shape'],
    ['dims over 2⁶⁴', (s) => tensor(s, { shape: [2n ** 32n, 2n ** 32n, 2n] }), 'impossible shape'],
    ['a tensor over the file', (s) => tensor(s, { shape: [64n, 10_000n] }), 'is expected'],
    ['tensors over 2⁵³', (s) => tensor(s, { shape: [2n ** 52n] }), 'm.gguf'],
    ['a ragged block', (s) => tensor(s, { shape: [63n] }), "not a multiple of Q8_0's 32"],
    ['an unknown type', (s) => tensor(s, { type: 4 }), 'has the unknown type 4'],
    ['a misaligned offset', (s) => tensor(s, { offset: 5n }), 'not a multiple of the alignment 32'],
    ['an offset past the end', (s) => tensor(s, { offset: huge }), 'past the end of the file'],
    [
      'overlapping tensors',
      (s) => set(s, { tensors: s.tensors.map((t) => ({ ...t, offset: 0n })) }),
      '0 where 224',
    ],
    ['a tensor twice', (s) => void s.tensors.push(...s.tensors.slice(1)), 'appears twice'],
    [
      'a long tensor name',
      (s) => tensor(s, { name: 'x'.repeat(64) }),
      'the length of the name of tensor 1 is 64',
    ],
    ['missing data', (s) => set(s, { dataBytes: s.dataBytes - 100 }), '100 bytes of tensor data are missing'],
    ['no architecture', (s) => drop(s, 'general.architecture'), 'names no architecture'],
    ['a number as architecture', (s) => put(s, 'general.architecture', { u32: 1 }), 'names no architecture'],
    ['no vocabulary', (s) => drop(s, 'tokenizer.ggml.tokens'), 'has no vocabulary'],
    ['an empty vocabulary', (s) => put(s, 'tokenizer.ggml.tokens', { texts: [] }), 'impossible vocabulary'],
    ['a vocabulary of numbers', (s) => put(s, 'tokenizer.ggml.tokens', { u32: 3 }), 'impossible vocabulary'],
    ['no context length', (s) => drop(s, 'llama.context_length'), 'llama.context_length is missing'],
    ['context length 0', (s) => put(s, 'llama.context_length', { u32: 0 }), 'llama.context_length is 0'],
    [
      '2³² blocks',
      (s) => put(s, 'llama.block_count', { u32: 2 ** 32 - 1 }),
      'llama.block_count is 4294967295',
    ],
    ['10⁶ blocks', (s) => put(s, 'llama.block_count', { u32: 1e6 }), 'has 1000000 blocks'],
    [
      'a text as count',
      (s) => put(s, 'llama.block_count', { text: 'x' }),
      'llama.block_count is not a number',
    ],
  ]
  it.each(cases)('readGguf refuses %s', async (_, change, reason) => {
    const message = await refusal(ggufBytes(ggufSpec(change)))
    expect(message).toContain(reason)
    expect(message).toMatch(/^m\.gguf: /)
  })

  it('readGguf refuses a folder, a missing file and an empty one', async () => {
    await expect(readGguf(folder)).rejects.toThrow('is not a file')
    await expect(readGguf(join(folder, 'none.gguf'))).rejects.toThrow(ModelFileError)
    expect(await refusal(Buffer.alloc(0))).toContain('is empty')
  })

  it('readGguf refuses a sparse giant with 8 million strings in under 5 s of CPU', async () => {
    const start = ggufBytes(
      ggufSpec((spec) => {
        spec.pairs = [['x', raw(u32(9), u32(8), u64(8_000_000n))]]
        spec.tensors = []
        spec.tensorCount = 1n
        spec.dataBytes = 0
      }),
    )
    const path = await write(start, 'giant.gguf')
    const handle = await open(path, 'r+')
    await handle.truncate(2 ** 40)
    await handle.close()
    const used = cpuWatch()
    await expect(readGguf(path)).rejects.toThrow(ModelFileError)
    expect(used()).toBeLessThan(5000)
  })
})

it('readGguf skips a vocabulary of 150,000 quickly', async () => {
  const texts = Array.from({ length: 150_000 }, (_, index) => `token number ${index}`)
  const path = await write(ggufBytes(ggufSpec((spec) => put(spec, 'tokenizer.ggml.tokens', { texts }))))
  const used = cpuWatch()
  expect((await readGguf(path)).vocabularySize).toBe(150_000)
  expect(used()).toBeLessThan(1000)
})

it('readModel adds up the shards of a split model', async () => {
  const first = await write(
    ggufBytes(ggufSpec((spec) => put(spec, 'split.count', raw(u32(2), Buffer.from([2, 0]))))),
    's-1.gguf',
  )
  const second = await write(
    ggufBytes(ggufSpec((spec) => set(spec, { pairs: [['split.no', { u32: 1 }]] }))),
    's-2.gguf',
  )
  expect(await readModel([first, second])).toMatchObject({ splitCount: 2, parameters: 512, tensorCount: 4 })
  await expect(readModel([first])).rejects.toThrow('has 2 parts; 1 found')
})

it('readGguf refuses every truncation of a valid file', async () => {
  const valid = ggufBytes(ggufSpec())
  for (let length = 0; length < valid.length; length += length < 1024 ? 1 : 64) {
    expect(await refusal(valid.subarray(0, length)), `${length} bytes`).toBeDefined()
  }
})

it('readGguf answers any flipped bytes with a ModelFileError or a summary', async () => {
  const valid = ggufBytes(ggufSpec())
  const flips = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const bytes = Buffer.from(valid)
      for (const [place, value] of changes) bytes[place] = value
      await refusal(bytes)
    }),
    { numRuns: 2000 },
  )
})

it('errors of readGguf escape control characters of a terminal', async () => {
  const message = await refusal(ggufBytes(ggufSpec((spec) => tensor(spec, { name: '\u001b[2J\n', type: 4 }))))
  expect(message).toContain('\\u001b[2J\\n')
  expect(text('a')).toHaveLength(9)
})
