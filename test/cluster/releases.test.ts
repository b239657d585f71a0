import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manifests, since } from '../kserve/manifests.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

/** As in test/kserve/crd.test.ts: the CRDs of each release of KServe. */
const folder = process.env['ALTIPLANO_KSERVE_CRDS']
if (!folder) console.warn('skipped: ALTIPLANO_KSERVE_CRDS names no folder with the CRDs of KServe')
const releases = folder ? readdirSync(join(folder, 'by-tag')).sort() : []
const kserve = manifests.filter(({ apiVersion }) => apiVersion.startsWith('serving.kserve.io/'))

describe.skipIf(!folder).each(releases)('an API server with the CRDs of KServe %s', (release) => {
  const usable = kserve.filter((manifest) => Number(release.split('.')[1]) >= since(manifest))
  let plane: ControlPlane

  beforeAll(async () => {
    plane = await startControlPlane(process.env['ALTIPLANO_CLUSTER'] ?? '')
    plane.must(['apply', '--server-side', '-f', join(folder ?? '', 'by-tag', release)])
    await plane.establish()
    plane.must(['create', 'namespace', 'kserve'])
  }, 300_000)

  afterAll(() => plane?.stop())

  it.each(usable.map((manifest) => [manifest.file, manifest] as const))(
    `an API server with the CRDs of KServe ${release} accepts %s`,
    (_, manifest) => {
      expect(plane.tried(manifest, 'default')).toMatchObject({ ok: true })
    },
  )

  it(`an API server with the CRDs of KServe ${release} refuses unknown fields of a service`, () => {
    const service = usable.find(({ kind }) => kind === 'InferenceService')
    if (!service) throw new Error('no service')
    const wrong = { ...service, spec: { ...(service.spec as object), replicas: 2 } }
    expect(plane.tried(wrong, 'default').output).toContain('.spec.replicas: field not declared in schema')
  })
})
