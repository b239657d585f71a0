import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LlamaEmbedder, openEmbedder } from '../../src/engine/llama/embedder.ts'
import { writeBertModel } from '../support/embedding-model.ts'

const CLS = 2
const SEP = 3
let folder = ''
let embedder: LlamaEmbedder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bert-'))
  await writeBertModel(join(folder, 'bert.gguf'))
  embedder = await openEmbedder({
    ranks: false,
    modelPath: join(folder, 'bert.gguf'),
    contextSize: 64,
    threads: 1,
    gpuLayers: 0,
  })
})
afterAll(async () => {
  await embedder.close()
  await rm(folder, { recursive: true })
})

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0)

it('the embedder puts the special tokens of BERT around text and around ids, once', () => {
  expect([...embedder.prepare('hello world')]).toEqual([CLS, 4, 5, SEP])
  expect([...embedder.prepare(Uint32Array.of(4, 5))]).toEqual([CLS, 4, 5, SEP])
  expect([...embedder.prepare(Uint32Array.of(CLS, 4, 5, SEP))]).toEqual([CLS, 4, 5, SEP])
})

it('the embedder reads the text of a control token as text', () => {
  expect([...embedder.prepare('hello [SEP] world')].filter((token) => token === SEP)).toHaveLength(1)
})

it('the embedder gives the same vector after any other input, and another for another order', async () => {
  const one = embedder.prepare('the cat')
  const before = await embedder.embed(one)
  const other = await embedder.embed(embedder.prepare('cat the dog'))
  expect(dot(await embedder.embed(one), before)).toBeGreaterThan(0.9999)
  expect(dot(before, before)).toBeCloseTo(1, 5)
  expect(dot(other, before)).toBeLessThan(0.999)
})

it('the embedder reads every token of an input that fills the context', async () => {
  const ids = (first: number): Uint32Array => Uint32Array.of(first, ...new Array<number>(61).fill(5))
  const [one, two] = [embedder.prepare(ids(4)), embedder.prepare(ids(7))]
  expect(one.length).toBe(64)
  expect(dot(await embedder.embed(one), await embedder.embed(two))).toBeLessThan(0.99999)
  await expect(embedder.embed(Uint32Array.of(...one.subarray(0, 63), 4))).rejects.toThrow('length')
})

it('the embedder refuses ids that are not in the vocabulary', async () => {
  expect(() => embedder.prepare(Uint32Array.of(10))).toThrow('vocabulary')
  await expect(embedder.embed(Uint32Array.of(CLS, 10, SEP))).rejects.toThrow('vocabulary')
  await expect(embedder.embed(new Uint32Array())).rejects.toThrow('length')
})
