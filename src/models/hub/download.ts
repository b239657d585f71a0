import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ModelFileError } from '../model-file-error.ts'
import { get, PassingError, type RequestOptions, retried } from './hub-request.ts'

export interface DownloadProgress {
  readonly file: string
  readonly received: number
  readonly total: number
}

/** A file of a repository as the hub lists it. */
export interface HubFile {
  readonly path: string
  readonly size: number
  readonly sha256: string | undefined
}

export interface DownloadOptions extends RequestOptions {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
}

const stallMs = 60_000

/** Downloads a hub's file to `path`: resumes an earlier part, checks size and SHA-256, and renames the whole file into place. */
export async function downloadFile(
  url: URL,
  path: string,
  file: HubFile,
  options: DownloadOptions,
): Promise<void> {
  if (await isCached(path, file)) return
  await mkdir(dirname(path), { recursive: true })
  // The checksum in the name keeps parts of different revisions apart.
  const part = `${path}.${file.sha256?.slice(0, 12) ?? file.size}.part`
  await checkSpace(part, file)
  let reached = 0
  const note = (received: number): void => {
    reached = Math.max(reached, received)
    options.onProgress?.({ file: basename(path), received, total: file.size })
  }
  const digest = await retried(
    options,
    () => receive(url, part, file, options, note),
    () => reached,
  )
  if (file.sha256 !== undefined && digest !== file.sha256) {
    await rm(part, { force: true })
    throw new ModelFileError(
      `${basename(path)}: the download's SHA-256 is ${digest}, not the hub's ${file.sha256}.`,
    )
  }
  await writeFile(checksumPath(path), `${digest}\n`)
  await rename(part, path)
}

const checksumPath = (path: string): string => `${path}.sha256`

async function isCached(path: string, file: HubFile): Promise<boolean> {
  const size = await sizeOf(path)
  if (size !== file.size) return false
  const digest = await readFile(checksumPath(path), 'utf8').catch(() => '')
  return file.sha256 === undefined || digest.trim() === file.sha256
}

async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.size ?? 0
}

async function checkSpace(part: string, file: HubFile): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(part))
  const needed = file.size - (await sizeOf(part))
  if (bavail * bsize < needed) {
    throw new ModelFileError(
      `${dirname(part)}: ${file.path} needs ${needed} bytes; ${bavail * bsize} are free.`,
    )
  }
}

/** One attempt to download. Resolves to the SHA-256 of the complete part. */
async function receive(
  url: URL,
  part: string,
  file: HubFile,
  options: DownloadOptions,
  note: (received: number) => void,
): Promise<string> {
  const hash = createHash('sha256')
  let offset = await sizeOf(part)
  if (offset > file.size) offset = 0
  if (offset > 0) for await (const chunk of createReadStream(part)) hash.update(chunk)
  note(offset)
  if (offset === file.size) return hash.digest('hex')

  const stalled = new AbortController()
  const timer = setTimeout(() => stalled.abort(), stallMs)
  const signal = AbortSignal.any([stalled.signal, ...(options.signal ? [options.signal] : [])])
  try {
    // A compressed answer would break ranges and sizes.
    const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) }
    const response = await get(url, headers, { ...options, signal })
    const resumed = await resumesAt(response, offset, part)
    await using handle = await open(part, resumed ? 'a' : 'w')
    const sink = { handle, hash: resumed ? hash : createHash('sha256'), received: resumed ? offset : 0 }
    return await store(response, sink, file, (received) => {
      timer.refresh()
      note(received)
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    if (stalled.signal.aborted) throw new PassingError(`${url.host} sent nothing for ${stallMs / 1000} s`)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Whether the hub's answer begins where the part ends; false: at the start of the file. */
async function resumesAt(response: Response, offset: number, part: string): Promise<boolean> {
  if (response.status === 200) return false
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]
  if (response.status === 206 && Number(start) === offset) return true
  await response.body?.cancel()
  await rm(part, { force: true })
  throw new PassingError('the hub sent another range than requested')
}

interface Sink {
  readonly handle: FileHandle
  readonly hash: Hash
  received: number
}

async function store(
  response: Response,
  sink: Sink,
  file: HubFile,
  note: (received: number) => void,
): Promise<string> {
  for await (const chunk of chunksOf(response)) {
    sink.received += chunk.length
    if (sink.received > file.size) {
      throw new ModelFileError(`${file.path}: the hub sends more than the ${file.size} bytes it listed.`)
    }
    sink.hash.update(chunk)
    await sink.handle.appendFile(chunk)
    note(sink.received)
  }
  if (sink.received < file.size) throw new PassingError(`the transfer of ${file.path} broke off`)
  return sink.hash.digest('hex')
}

/** Chunks of the body. Network failures become PassingError; the disk's do not. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? []
  } catch (error) {
    throw new PassingError(`the transfer broke off: ${error instanceof Error ? error.message : error}`)
  }
}
