import { expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { settings } from '../../src/config/schema.ts'
import { type Container, kustomized, manifests, runtimes, textOf } from './manifests.ts'

interface PodSpec {
  readonly containers?: readonly Container[]
  readonly model?: Partial<Container>
}

interface Found extends Partial<Container> {
  readonly file: string
}

/** Everything in the manifests that ends up on Altiplano's command line or in its environment. */
const containers: Found[] = manifests.flatMap(({ file, spec }) => {
  const { predictor, template, containers: own, canary } = spec as Record<string, PodSpec | undefined>
  const later = Array.isArray(canary)
    ? (canary as { predictor: PodSpec }[]).map((each) => each.predictor)
    : []
  const pods = [predictor, template, { containers: own as unknown as Container[] }, ...later]
  return pods.flatMap((pod) =>
    [...(pod?.containers ?? []), ...(pod?.model ? [pod.model] : [])].map((found) => ({ ...found, file })),
  )
})
const withArguments = containers.filter(({ args }) => args !== undefined)
/** Conditions hold, and fields are names. */
const rendered = (text: string): string =>
  text.replace(/\{\{-? (if|end)[^}]*\}\}/g, '').replace(/\{\{[^}]*\}\}/g, 'name')

it.each(withArguments.map(({ file, args }) => [file, args ?? []] as const))(
  'every argument in %s is a known setting, without a warning',
  (_, args) => {
    const loaded = loadConfig(['serve', ...args.map(rendered)], {})
    expect(loaded.command).toBe('serve')
    expect(loaded.warnings).toEqual([])
  },
)

it('every variable that begins with ALTIPLANO_ is a known setting', () => {
  const known = new Set(settings.flatMap(({ variables }) => variables))
  const used = containers.flatMap(({ env = [] }) => env.map(({ name }) => name))
  expect(used).toContain('ALTIPLANO_SLOTS')
  for (const name of used.filter((each) => each.startsWith('ALTIPLANO_'))) expect(known).toContain(name)
})

it('all runtimes start the server with the same flags', () => {
  const [first, ...others] = runtimes.map(({ spec }) => spec.containers[0]?.args)
  expect(first).toContain('--host=0.0.0.0')
  for (const args of others) expect(args).toEqual(first)
  const main = containers.find(({ name, args }) => name === 'main' && args !== undefined)
  const kind = (args: readonly string[] = []): string[] => args.map((arg) => arg.split('=')[0] ?? '')
  const always = main?.args?.filter((arg) => !arg.startsWith('{{ if'))
  expect(kind(always)).toEqual(kind(first))
})

it('runtimes have no template but the name of the service', () => {
  for (const { file } of runtimes) expect(textOf(file).match(/\{\{.*?\}\}/g)).toEqual(['{{.Name}}'])
})

it('containers have no privilege but to serve', () => {
  const hardened = containers.filter(({ securityContext }) => securityContext !== undefined)
  expect(hardened).toHaveLength(runtimes.length + 1)
  for (const { securityContext } of hardened) {
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
  }
})

it('downloads have no more privilege than a restricted namespace allows', () => {
  const specs = manifests.map(({ spec }) => spec as { template?: { initContainers?: Container[] } })
  const first = specs.flatMap(({ template }) => template?.initContainers ?? [])
  const stored = specs.flatMap((spec) => ('container' in spec ? [spec.container as Container] : []))
  expect([first.length, stored.length]).toEqual([1, 1])
  for (const { securityContext } of [...first, ...stored]) {
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
  }
})

it('canaries have the name that KServe requires', () => {
  const specs = manifests.map(({ spec }) => spec as { canary?: { predictor: { name?: string } }[] })
  const names = specs.flatMap(({ canary = [] }) => canary.map(({ predictor }) => predictor.name))
  expect(names).toEqual(['next'])
})

it('probes use HTTP at paths that exist, which the agent of KServe can probe too', () => {
  const probed = containers.filter((container) => 'readinessProbe' in container)
  expect(probed).toHaveLength(runtimes.length + 1)
  for (const { readinessProbe, livenessProbe } of probed) {
    expect(readinessProbe).toMatchObject({ httpGet: { path: '/health/ready' } })
    expect(livenessProbe).toMatchObject({ httpGet: { path: '/health/live' } })
  }
})

it('external metrics have their threshold in `value`, the only field that KServe reads', () => {
  const targets = manifests.flatMap(({ spec }) => {
    const { predictor } = spec as { predictor?: { autoScaling?: { metrics: { external?: object }[] } } }
    return predictor?.autoScaling?.metrics.flatMap(({ external }) => external ?? []) ?? []
  })
  expect(targets).not.toHaveLength(0)
  for (const external of targets) expect(external).toMatchObject({ target: { value: expect.any(String) } })
})

it('kustomizations name files that exist', () => {
  const files = manifests.map(({ file }) => file)
  for (const file of kustomized) expect(files).toContain(file)
})
