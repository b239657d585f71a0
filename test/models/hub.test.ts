import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DownloadProgress } from '../../src/models/hub/download.ts'
import type { HubOptions } from '../../src/models/hub/hub.ts'
import { progressReporter } from '../../src/models/hub/progress.ts'
import { locateModel } from '../../src/models/locate.ts'
import { ModelFileError } from '../../src/models/model-file-error.ts'
import { StandInHub } from './stand-in-hub.ts'

const content = randomBytes(300_000)
let cacheDir = ''
let hub: StandInHub

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-'))
  hub = new StandInHub()
  await hub.start()
  hub.files.set('m-Q4_K_M.gguf', content)
})
afterEach(async () => {
  await hub[Symbol.asyncDispose]()
  await rm(cacheDir, { recursive: true })
})

const locate = (spec: string, options: Partial<HubOptions> = {}) =>
  locateModel(spec, { endpoint: hub.endpoint, cacheDir, retryDelayMs: 1, ...options })
const cached = (name: string): string => join(cacheDir, 'o', 'r', name)
const parts = async () => (await readdir(join(cacheDir, 'o', 'r'))).filter((name) => name.endsWith('.part'))

describe('downloads', () => {
  it('a model is downloaded once, into the cache', async () => {
    const progress: DownloadProgress[] = []
    const model = await locate('hf:o/r:q4_k_m', { onProgress: (state) => progress.push(state) })
    expect(model).toMatchObject({ path: cached('m-Q4_K_M.gguf'), displayName: 'm-Q4_K_M' })
    expect(await readFile(model.path)).toEqual(content)
    expect(progress.at(-1)).toEqual({ file: 'm-Q4_K_M.gguf', received: 300_000, total: 300_000 })
    await locate('hf:o/r:Q4_K_M')
    expect(hub.downloads()).toHaveLength(1)
    expect(await parts()).toEqual([])
  })

  it('a download continues where a transfer broke off', async () => {
    hub.breaks = { after: 100_000, times: 1 }
    expect(await readFile((await locate('hf:o/r')).path)).toEqual(content)
    const [first, second] = hub.downloads()
    expect(first?.range).toBeUndefined()
    expect(second?.range).toMatch(/^bytes=[1-9]\d*-$/)
  })

  it('a download continues after a restart of the server', async () => {
    hub.breaks = { after: 50_000, times: 1 }
    const stop = new AbortController()
    const onProgress = ({ received }: DownloadProgress) => {
      if (received >= 50_000) stop.abort(new Error('stopped'))
    }
    await expect(locate('hf:o/r', { signal: stop.signal, onProgress })).rejects.toThrow()
    expect(await parts()).toHaveLength(1)
    expect(await readFile((await locate('hf:o/r')).path)).toEqual(content)
    expect(hub.downloads().at(-1)?.range).toBe('bytes=50000-')
  })

  it('a download starts over where the hub serves no ranges', async () => {
    hub.breaks = { after: 100_000, times: 1 }
    hub.ignoreRange = true
    expect(await readFile((await locate('hf:o/r')).path)).toEqual(content)
  })

  it('a download ends where no transfer makes progress', async () => {
    hub.breaks = { after: 100_000, times: 99 }
    hub.ignoreRange = true
    await expect(locate('hf:o/r')).rejects.toThrow(/broke off.*gave up after 5 attempts/)
  })

  it('a download is tried again after a 503', async () => {
    hub.failures = { status: 503, times: 3 }
    expect(await readFile((await locate('hf:o/r')).path)).toEqual(content)
  })

  it('a model that changed at the hub is downloaded again', async () => {
    await locate('hf:o/r')
    const changed = Buffer.from(content).fill(1, 0, 10)
    hub.files.set('m-Q4_K_M.gguf', changed)
    expect(await readFile((await locate('hf:o/r')).path)).toEqual(changed)
  })

  it('a cached model is served while the hub is away', async () => {
    await locate('hf:o/r:Q4_K_M')
    hub.failures = { status: 503, times: 99 }
    expect((await locate('hf:o/r:Q4_K_M')).path).toBe(cached('m-Q4_K_M.gguf'))
  })

  it('a split model is downloaded with all its shards', async () => {
    for (const part of [2, 1, 3])
      hub.files.set(`Q8_0/b-Q8_0-0000${part}-of-00003.gguf`, Buffer.from(`${part}`))
    const model = await locate('hf:o/r:Q8_0')
    expect(model.displayName).toBe('b-Q8_0')
    expect(model.shards.map((path) => path.slice(-9))).toEqual(['0003.gguf', '0003.gguf', '0003.gguf'])
    expect(await Promise.all(model.shards.map((path) => readFile(path, 'utf8')))).toEqual(['1', '2', '3'])
  })
})

describe('the choice of a file', () => {
  const names = [
    'm-F16.gguf',
    'm-BF16.gguf',
    'm-Q4_K.gguf',
    'm-Q4_K_S.gguf',
    'mmproj-m-F32.gguf',
    'README.md',
  ]
  const cases: [string, string][] = [
    ['F16', 'm-F16.gguf'],
    ['bf16', 'm-BF16.gguf'],
    ['Q4_K', 'm-Q4_K.gguf'],
    ['q4_k_s', 'm-Q4_K_S.gguf'],
    ['m-F16.gguf', 'm-F16.gguf'],
  ]
  it.each(cases)('the quantisation or name %s chooses its file', async (quantization, name) => {
    for (const each of names) hub.files.set(each, Buffer.from('x'))
    expect((await locate(`hf:o/r:${quantization}`)).path).toBe(cached(name))
  })

  it('no file is chosen among several without a name', async () => {
    for (const each of names) hub.files.set(each, Buffer.from('x'))
    const list = /name one .* of:\n {2}m-Q4_K_M.gguf\n {2}m-F16.gguf/
    await expect(locate('hf:o/r')).rejects.toThrow(list)
    await expect(locate('hf:o/r:Q2_K')).rejects.toThrow(/Q2_K fits none .*m-BF16/s)
    await expect(locate('hf:o/r:F32')).rejects.toThrow('fits none')
    expect(hub.downloads()).toEqual([])
  })
})

describe('refused downloads', () => {
  it('a file with a wrong checksum is refused, and its part deleted', async () => {
    hub.corrupt = true
    await expect(locate('hf:o/r')).rejects.toThrow(
      /m-Q4_K_M.gguf: the download's SHA-256 is [0-9a-f]{64}, not/,
    )
    expect((await readdir(join(cacheDir, 'o', 'r'))).filter((name) => name.includes('gguf'))).toEqual([])
  })

  it.each([
    [404, 'no such repository or file'],
    [401, 'needs HF_TOKEN'],
    [403, 'needs HF_TOKEN'],
    [418, 'answered 418'],
    [500, 'answered 500; gave up after 5 attempts'],
  ])('a download ends with a reason at status %i', async (status, reason) => {
    hub.failures = { status, times: 99 }
    await expect(locate('hf:o/r')).rejects.toThrow(reason)
  })

  it('a hub that cannot be reached is reported', async () => {
    const failure = locate('hf:o/r', { endpoint: 'http://127.0.0.1:9' })
    await expect(failure).rejects.toThrow(ModelFileError)
    await expect(failure).rejects.toThrow('cannot be reached')
  })

  it.each([
    '../../evil.gguf',
    '/etc/evil.gguf',
    'a/../../evil.gguf',
    '..\\evil.gguf',
    'a//b.gguf',
    '.hidden.gguf',
    'a\u0000.gguf',
    'a?x=.gguf',
    '%2e%2e/a.gguf',
  ])('the listed path %j is refused', async (path) => {
    hub.listing = [{ type: 'file', path, size: 3 }]
    await expect(locate('hf:o/r')).rejects.toThrow('unsafe file name')
    expect(await readdir(cacheDir)).toEqual([])
  })

  it.each([
    ['no list', { error: 'x' }, 'not a list'],
    ['no size', [{ path: 'a.gguf' }], 'no size'],
    ['a negative size', [{ path: 'a.gguf', size: -1 }], 'no size'],
    ['a size over the disk', [{ path: 'a.gguf', size: 2 ** 52 }], 'are free'],
    ['a missing shard', [{ path: 'a-00002-of-00002.gguf', size: 1 }], 'a-00001-of-00002.gguf'],
    ['nothing', [null, 3, {}, { path: 7 }], 'holds no .gguf file'],
  ])('a listing with %s is refused', async (_, listing, reason) => {
    hub.listing = listing
    await expect(locate('hf:o/r')).rejects.toThrow(reason)
  })

  it('a file with more bytes than listed is refused', async () => {
    hub.listing = [{ path: 'm-Q4_K_M.gguf', size: 1000 }]
    await expect(locate('hf:o/r')).rejects.toThrow('sends more than the 1000 bytes')
  })

  it.each([
    'hf:',
    'hf:o',
    'hf:../r',
    'hf:o/r/x',
    'hf:o/..:Q',
    'hf:o/r:a:b',
    'hf:o/r:../x',
    'hf:o/r:',
    'hf:o /r',
  ])('the model spec %s is refused', async (spec) => {
    await expect(locate(spec)).rejects.toThrow('is not of the form hf:OWNER/REPO:QUANT')
    expect(hub.seen).toEqual([])
  })
})

it('the token is sent to the endpoint and not to where it redirects', async () => {
  await using storage = new StandInHub()
  await storage.start()
  storage.files.set('m-Q4_K_M.gguf', content)
  hub.redirectTo = storage.endpoint
  expect(await readFile((await locate('hf:o/r', { token: 'secret' })).path)).toEqual(content)
  expect(hub.seen.map(({ authorization }) => authorization)).toEqual(['Bearer secret', 'Bearer secret'])
  expect(storage.seen.map(({ authorization }) => authorization)).toEqual([undefined])
})

it('a redirect loop is ended', async () => {
  hub.redirectTo = hub.endpoint
  await expect(locate('hf:o/r')).rejects.toThrow('too many redirects')
})

it('download progress is a bar on a terminal and lines elsewhere', () => {
  const drawn = (isTTY: boolean): string => {
    const texts: string[] = []
    let time = 0
    const report = progressReporter({ isTTY, write: (more) => texts.push(more) }, () => time)
    for (let received = 0; received <= 10e6; received += 1e6, time += 1000)
      report({ file: 'm', received, total: 10e6 })
    return texts.join('')
  }
  expect(drawn(true)).toMatch(/\r\[#{15}\.{15}\] m: 5\.0 of 10\.0 MB \(50 %\)\r/)
  expect(drawn(false)).toBe('m: 0.0 of 10.0 MB (0 %)\nm: 5.0 of 10.0 MB (50 %)\nm: 10.0 of 10.0 MB (100 %)\n')
})
