import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faults, readDefinitions } from './crd-schema.ts'
import { manifests, since } from './manifests.ts'

/** A folder with `by-tag/vX.Y.Z/*.yaml`, KServe's CRDs of each release, and `deps/*.yaml`, the CRDs beside them. */
const folder = process.env['ALTIPLANO_KSERVE_CRDS']
if (!folder) console.warn('skipped: ALTIPLANO_KSERVE_CRDS names no folder with the CRDs of KServe')

const kserve = manifests.filter(({ apiVersion }) => apiVersion.startsWith('serving.kserve.io/'))
const beside = manifests.filter(({ apiVersion }) => /^(gateway\.networking|keda)/.test(apiVersion))

const releases = folder ? readdirSync(join(folder, 'by-tag')).sort() : []
const minor = (release: string): number => Number(release.split('.')[1])

describe.skipIf(!folder).each(releases)('KServe %s', (release) => {
  const definitions = readDefinitions(join(folder ?? '', 'by-tag', release))
  const usable = kserve.filter((manifest) => minor(release) >= since(manifest))

  it.each(usable.map((manifest) => [manifest.file, manifest] as const))(
    `KServe ${release} accepts %s`,
    (_, manifest) => {
      expect(faults(definitions, manifest)).toBeUndefined()
    },
  )

  it(`KServe ${release} refuses unknown fields of a runtime, and wrong types`, () => {
    const runtime = usable.find(({ kind }) => kind === 'ClusterServingRuntime')
    if (!runtime) throw new Error('no runtime')
    const spec = runtime.spec as object
    const grace = { ...runtime, spec: { ...spec, terminationGracePeriodSeconds: 60 } }
    expect(faults(definitions, grace)).toContain('must NOT have additional properties')
    const port = { ...runtime, spec: { ...spec, containers: [{ name: 'a', args: 'serve' }] } }
    expect(faults(definitions, port)).toContain('args must be array')
    const nameless = { ...runtime, spec: { ...spec, supportedModelFormats: [{ version: '3' }] } }
    expect(faults(definitions, nameless)).toContain("must have required property 'name'")
  })
})

describe.skipIf(!folder)("CRDs beside KServe's", () => {
  const definitions = folder ? readDefinitions(join(folder, 'deps')) : new Map()
  it.each(beside.map((manifest) => [manifest.file, manifest] as const))(
    "the CRDs beside KServe's accept %s",
    (_, manifest) => {
      expect(faults(definitions, manifest)).toBeUndefined()
    },
  )
})
