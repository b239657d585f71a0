import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { ModelFileError } from '../model-file-error.ts'
import { completeShards, groupModels, isProjector } from '../shards.ts'
import { type DownloadOptions, downloadFile, type HubFile } from './download.ts'
import { getText, HubAwayError } from './hub-request.ts'

export interface HubOptions extends DownloadOptions {
  readonly cacheDir: string
}

export interface HubSpec {
  readonly owner: string
  readonly repository: string
  readonly quantization: string | undefined
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/
const maxPages = 20

/** Reads `hf:OWNER/REPO` or `hf:OWNER/REPO:QUANT`. */
export function parseHubSpec(spec: string): HubSpec {
  const [repository = '', quantization, ...rest] = spec.replace(/^hf:/, '').split(':')
  const [owner = '', name = '', ...more] = repository.split('/')
  const safe = [owner, name, ...(quantization === undefined ? [] : quantization.split('/'))].every(isSafe)
  if (!safe || rest.length > 0 || more.length > 0) {
    throw new ModelFileError(`${JSON.stringify(spec.slice(0, 200))} is not of the form hf:OWNER/REPO:QUANT.`)
  }
  return { owner, repository: name, quantization }
}

const isSafe = (name: string): boolean => safeName.test(name) && !name.includes('..')

/** Downloads the files that are not in the cache yet. Resolves to the paths of the model's files, first shard first. */
export async function fetchFromHub(spec: HubSpec, options: HubOptions): Promise<string[]> {
  const folder = join(options.cacheDir, spec.owner, spec.repository)
  const files = chooseFiles(spec, await listOrRemember(spec, folder, options))
  const paths: string[] = []
  for (const file of files) {
    const path = join(folder, ...file.path.split('/'))
    await downloadFile(
      address(options, `${spec.owner}/${spec.repository}/resolve/main/${file.path}`),
      path,
      file,
      options,
    )
    paths.push(path)
  }
  return paths
}

function address({ endpoint }: HubOptions, path: string): URL {
  return new URL(path, endpoint.endsWith('/') ? endpoint : `${endpoint}/`)
}

/** The hub's list of files, or the last one seen while the hub is away, so that a restart does not depend on it. */
async function listOrRemember(spec: HubSpec, folder: string, options: HubOptions): Promise<HubFile[]> {
  const memory = join(folder, '.files.json')
  try {
    const files = await listFiles(spec, options)
    await mkdir(folder, { recursive: true })
    await writeFile(
      memory,
      JSON.stringify(files.map(({ path, size, sha256 }) => ({ path, size, lfs: { oid: sha256 } }))),
    )
    return files
  } catch (error) {
    if (!(error instanceof HubAwayError)) throw error
    const remembered = await readFile(memory, 'utf8').catch(() => undefined)
    if (remembered === undefined) throw error
    return parseListing(remembered, spec.repository)
  }
}

async function listFiles({ owner, repository }: HubSpec, options: HubOptions): Promise<HubFile[]> {
  const files: HubFile[] = []
  let next: URL | undefined = address(options, `api/models/${owner}/${repository}/tree/main?recursive=true`)
  for (let page = 0; next && page < maxPages; page++) {
    const { text, link } = await getText(next, options)
    files.push(...parseListing(text, `${owner}/${repository}`))
    const following: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1]
    next = following === undefined ? undefined : new URL(following, next)
  }
  return files
}

function parseListing(text: string, repository: string): HubFile[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (cause) {
    throw new ModelFileError(`${repository}: the hub's file list is not JSON.`, { cause })
  }
  if (!Array.isArray(entries)) throw new ModelFileError(`${repository}: the hub's file list is not a list.`)
  return entries.filter(isModelEntry).map((entry) => hubFile(entry, repository))
}

interface ListingEntry {
  readonly path: string
  readonly size?: unknown
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown } | null
}

function isModelEntry(entry: unknown): entry is ListingEntry {
  if (typeof entry !== 'object' || entry === null || !('path' in entry)) return false
  return typeof entry.path === 'string' && /\.gguf$/i.test(entry.path) && !isProjector(entry.path)
}

function hubFile({ path, size, lfs }: ListingEntry, repository: string): HubFile {
  if (!path.split('/').every(isSafe)) {
    throw new ModelFileError(
      `${repository}: the hub lists the unsafe file name ${JSON.stringify(path.slice(0, 200))}.`,
    )
  }
  const bytes = lfs?.size ?? size
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 1) {
    throw new ModelFileError(`${repository}: the hub gives no size for ${path}.`)
  }
  const oid = typeof lfs?.oid === 'string' ? lfs.oid.replace(/^sha256:/, '').toLowerCase() : undefined
  return { path, size: bytes, sha256: oid !== undefined && /^[0-9a-f]{64}$/.test(oid) ? oid : undefined }
}

function chooseFiles({ owner, repository, quantization }: HubSpec, files: readonly HubFile[]): HubFile[] {
  const paths = files.map(({ path }) => path)
  const models = groupModels(paths)
  const [chosen, ...others] = quantization === undefined ? models : matching(models, quantization)
  if (chosen === undefined || others.length > 0) {
    const wanted =
      quantization === undefined ? 'name one' : `${quantization} fits ${chosen ? 'several' : 'none'}`
    const list = (others.length > 0 && chosen ? [chosen, ...others] : models).slice(0, 40)
    const listed = list.length > 0 ? ` of:\n  ${list.join('\n  ')}` : '; it holds no .gguf file.'
    throw new ModelFileError(`${owner}/${repository}: ${wanted} (hf:${owner}/${repository}:QUANT)${listed}`)
  }
  const folder = posix.dirname(chosen)
  const inFolder = paths.filter((path) => posix.dirname(path) === folder).map((path) => posix.basename(path))
  const shards = completeShards(posix.basename(chosen), inFolder).map((name) => posix.join(folder, name))
  return shards.flatMap((path) => files.find((file) => file.path === path) ?? [])
}

function matching(models: readonly string[], quantization: string): string[] {
  const exact = models.filter((path) => path === quantization)
  if (exact.length > 0) return exact
  // Whole words first: F16 is not BF16, Q4_K not Q4_K_M.
  const word = quantization.replace(/[.+]/g, '\\$&')
  const whole = new RegExp(`(^|[^a-z0-9])${word}([^a-z0-9_]|$)`, 'i')
  const wholes = models.filter((path) => whole.test(posix.basename(path)))
  if (wholes.length > 0) return wholes
  return models.filter((path) => posix.basename(path).toLowerCase().includes(quantization.toLowerCase()))
}
