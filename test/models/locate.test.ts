import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inspectText } from '../../src/commands/inspect.ts'
import { kvBytesPerToken } from '../../src/models/fit-plan.ts'
import { ModelFileError, readGguf } from '../../src/models/gguf/gguf.ts'
import { locateModel, modelDisplayName } from '../../src/models/locate.ts'
import { ggufBytes, ggufSpec } from './gguf-writer.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'locate-'))
})
afterEach(() => rm(folder, { recursive: true }))

const locate = (spec: string | undefined) =>
  locateModel(spec, { endpoint: 'http://127.0.0.1:9', cacheDir: folder })
async function make(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), 'x')
  }
}

const found: [string, string[], string, string, number, string][] = [
  ['a file', ['a.gguf', 'b.gguf'], 'a.gguf', 'a.gguf', 1, 'a'],
  ['a file of any name', ['model.bin'], 'model.bin', 'model.bin', 1, 'model.bin'],
  ['the only file of a directory', ['a.gguf', 'README.md'], '', 'a.gguf', 1, 'a'],
  ['a file one level down', ['sub/a.GGUF'], '', 'sub/a.GGUF', 1, 'a'],
  ['a model beside its projector', ['a.gguf', 'mmproj-a.gguf', 'a-mmproj-f16.gguf'], '', 'a.gguf', 1, 'a'],
  [
    'shards of a directory',
    ['a-00002-of-00002.gguf', 'a-00001-of-00002.gguf'],
    '',
    'a-00001-of-00002.gguf',
    2,
    'a',
  ],
  [
    'the first of a later shard',
    ['a-00002-of-00002.gguf', 'a-00001-of-00002.gguf'],
    'a-00002-of-00002.gguf',
    'a-00001-of-00002.gguf',
    2,
    'a',
  ],
]
it.each(found)('locateModel finds %s', async (_, names, spec, path, shards, displayName) => {
  await make(...names)
  const model = await locate(join(folder, spec))
  expect(model).toMatchObject({ path: join(folder, path), displayName })
  expect(model.shards).toHaveLength(shards)
})

it('locateModel finds the built-in model', async () => {
  const model = await locate(undefined)
  expect(model.displayName).toBe('altiplano-demo')
  await expect(readGguf(model.path)).resolves.toBeDefined()
})

it('locateModel finds a file once in a Kubernetes volume', async () => {
  await make('..2026/a.gguf')
  await symlink('..2026', join(folder, '..data'))
  await symlink('..data/a.gguf', join(folder, 'a.gguf'))
  expect((await locate(folder)).path).toBe(join(folder, 'a.gguf'))
})

const refused: [string, string[], string, RegExp][] = [
  ['what is not there', [], 'none.gguf', /none.gguf: no such file or directory/],
  ['a path through a file', ['a.gguf'], 'a.gguf/b', /no such file or directory/],
  ['an empty directory', [], '', /holds no .gguf file/],
  ['only a projector', ['mmproj-a.gguf'], '', /holds no .gguf file/],
  ['a file two levels down', ['a/b/c.gguf'], '', /holds no .gguf file/],
  ['two models', ['b.gguf', 'a.gguf'], '', /holds 2 models; name one with --model:\n.*\/a.gguf\n.*\/b.gguf$/],
  ['a set and a file', ['a-00001-of-00001.gguf', 'b.gguf'], '', /holds 2 models/],
  [
    'a missing shard',
    ['a-00001-of-00003.gguf', 'a-00003-of-00003.gguf'],
    '',
    /of 3 shards these are missing: a-00002-of-00003.gguf/,
  ],
  ['an impossible count', ['a-00001-of-99999.gguf'], '', /impossible shard count/],
]
it.each(refused)('locateModel refuses %s', async (_, names, spec, reason) => {
  await make(...names)
  const failure = locate(join(folder, spec))
  await expect(failure).rejects.toThrow(ModelFileError)
  await expect(failure).rejects.toThrow(reason)
})

it.skipIf(process.getuid?.() === 0)('locateModel refuses a file that this user may not read', async () => {
  await make('a.gguf')
  await chmod(join(folder, 'a.gguf'), 0)
  await expect(locate(join(folder, 'a.gguf'))).rejects.toThrow('this user may not read it')
})

it('a model has its name before it is located', () => {
  expect(modelDisplayName(undefined)).toBe('altiplano-demo')
  expect(modelDisplayName('/m/a-00001-of-00002.gguf')).toBe('a')
  expect(modelDisplayName('hf:o/r-GGUF:Q4')).toBe('r-GGUF')
})

it('altiplano inspect describes a located model', async () => {
  await writeFile(join(folder, 'a.gguf'), ggufBytes(ggufSpec()))
  const model = await readGguf(join(folder, 'a.gguf'))
  expect(kvBytesPerToken(model, 'f16')).toBe(256)
  expect(kvBytesPerToken(model, 'q8_0')).toBe(136)
  const options = {
    slots: 2,
    contextSize: 0,
    batchSize: 64,
    kvCacheType: 'f16',
    flashAttention: 'auto' as const,
    room: { host: 2 ** 29, gpu: 0 },
  }
  const text = inspectText(model, options)
  for (const part of [
    'llama',
    'Q8_0',
    '3 tokens (gpt2)',
    'chat template    yes',
    '256 bytes per token',
    'and up to 400.0 MiB for the gateway, the text process and the runtimes: fits',
  ]) {
    expect(text).toContain(part)
  }
  expect(text).toContain('What fits: --slots 256 --context-size 128')
  expect(inspectText(model, { ...options, room: { host: 1000, gpu: 0 } })).toContain('does not fit')
  const withGpu = inspectText(model, { ...options, room: { host: 2 ** 29, gpu: 2 ** 31 } })
  expect(withGpu).toContain('Estimate for 512.0 MiB of memory and 2.0 GiB free on the GPU:')
  expect(withGpu).toContain(': fits on the GPU')
})
