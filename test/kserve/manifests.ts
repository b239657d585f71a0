import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'

export interface Container {
  readonly name: string
  readonly image?: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly securityContext?: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

export interface Format {
  readonly name: string
  readonly version?: string
  readonly autoSelect?: boolean
  readonly priority?: number
}

export interface RuntimeSpec {
  readonly supportedModelFormats: readonly Format[]
  readonly containers: readonly Container[]
  readonly protocolVersions?: readonly string[]
  readonly disabled?: boolean
  readonly multiModel?: boolean
  readonly workerSpec?: unknown
}

export interface Manifest {
  /** Below runtimes/. */
  readonly file: string
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: unknown
}

export interface Runtime extends Manifest {
  readonly spec: RuntimeSpec
}

const root = fileURLToPath(new URL('../../runtimes', import.meta.url))

const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .sort()

/** The text of a file below runtimes/. */
export const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The objects of some YAML text. */
export function objectsOf(text: string, file: string): Manifest[] {
  const all = parseAllDocuments(text).map((document) => {
    if (document.errors[0]) throw document.errors[0]
    return document.toJS() as Manifest | null
  })
  return all.filter((object) => object !== null).map((object) => ({ ...object, file }))
}

/** Every object below runtimes/. */
export const manifests: readonly Manifest[] = paths
  .filter((path) => !path.endsWith('kustomization.yaml'))
  .flatMap((path) => objectsOf(textOf(path), path))

/** The minor release of KServe from which on a manifest can be used. */
export function since({ file, kind }: Manifest): number {
  if (file.endsWith('canary-standard.yaml') || file.endsWith('inferenceservice-hf.yaml')) return 20
  return kind.startsWith('LLM') ? 18 : 16
}

export const isRuntime = (manifest: Manifest): manifest is Runtime =>
  manifest.kind === 'ClusterServingRuntime' || manifest.kind === 'ServingRuntime'

export const runtimes = manifests.filter(isRuntime)

/** The files that the kustomizations name, below runtimes/. */
export const kustomized: readonly string[] = paths
  .filter((path) => path.endsWith('kustomization.yaml'))
  .flatMap((path) => {
    const { resources } = parse(textOf(path)) as { resources: string[] }
    return resources.map((resource) => join(dirname(path), resource))
  })
