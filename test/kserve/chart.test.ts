import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { settings } from '../../src/config/schema.ts'
import { chart, helm, rendered, run, template } from './helm.ts'
import { type Container, type Manifest, manifests, objectsOf } from './manifests.ts'

if (!helm) console.warn('skipped: ALTIPLANO_HELM names no helm; npm run test:helm does')

/** Without the labels that say which release made it, and the namespace of the release. */
function plain({ file: _, ...object }: Manifest): object {
  const { namespace, labels, ...metadata } = object.metadata as Manifest['metadata'] & { labels: object }
  const own = Object.entries(labels).filter(([name]) => name === 'app.kubernetes.io/name')
  const place = namespace === undefined || namespace === 'models' ? {} : { namespace }
  return { ...object, metadata: { ...metadata, ...place, labels: Object.fromEntries(own) } }
}

const byName = (a: object, b: object): number => JSON.stringify(a).localeCompare(JSON.stringify(b))
const written = (...files: readonly string[]): object[] =>
  manifests
    .filter(({ file }) => files.includes(file))
    .map(plain)
    .sort(byName)

const off = ['kserve.cpu.enabled=false', 'kserve.cuda.enabled=false']
const deployment = (...values: readonly string[]): Manifest[] => rendered('mode=deployment', ...values)
const kinds = (objects: readonly Manifest[]): string[] => objects.map(({ kind }) => kind).sort()

function container(objects: readonly Manifest[]): Container {
  const spec = objects.find(({ kind }) => kind === 'Deployment')?.spec as {
    template: { spec: { containers: [Container] } }
  }
  return spec.template.spec.containers[0]
}

describe.skipIf(!helm)('the Helm chart', () => {
  it('the chart passes helm lint', () => {
    expect(run('lint', '--strict', '--kube-version', '1.33.0', chart).output).toContain('0 chart(s) failed')
  })

  it.each([
    ['the runtimes of the cluster', [], ['altiplano.yaml', 'altiplano-cuda.yaml']],
    ['the runtime of a namespace', ['kserve.scope=namespace', off[1]], ['namespaced/altiplano.yaml']],
    ['the config', [...off, 'kserve.llmInferenceServiceConfig.enabled=true'], ['llmisvc/altiplano.yaml']],
    ['the storage container', [...off, 'kserve.storageContainer.enabled=true'], ['storage-container.yaml']],
  ])('the chart renders %s as in runtimes/', (_, values, files) => {
    const objects = rendered(...values.filter((value) => value !== undefined))
    expect(objects.map(plain).sort(byName)).toEqual(written(...files))
  })

  it('the chart passes every setting to the server, which accepts it', () => {
    const open = settings.filter(
      ({ name, schema }) => schema.default !== undefined && !/^(host|port)$/.test(name),
    )
    const values = open.map(({ name, schema }) => `config.${name}=${String(schema.default)}`)
    const { args = [] } = container(deployment(...values, 'deployment.model=/mnt/models/a.gguf'))
    for (const { flag } of open) expect(args.join(' ')).toContain(`--${flag}=`)
    const { config, warnings } = loadConfig(['serve', ...args], {})
    expect(warnings).toEqual([])
    expect(config).toMatchObject({ model: '/mnt/models/a.gguf', servedModelName: 'chat', host: '0.0.0.0' })
  })

  it('the chart writes large numbers in full, though helm reads those of a file as floats', () => {
    const words = ['--kube-version', '1.33.0', '--set', 'mode=deployment']
    const { output } = run(
      'template',
      'chat',
      chart,
      ...words,
      '--set-json',
      'config={"contextSize":1048576}',
    )
    expect(container(objectsOf(output, 'chart')).args).toContain('--context-size=1048576')
  })

  it("the chart's Deployment has what a server needs, and a Service", () => {
    const objects = deployment('deployment.modelVolume.persistentVolumeClaim.claimName=models')
    expect(kinds(objects)).toEqual(['Deployment', 'PodDisruptionBudget', 'Service'])
    const { image, volumeMounts, securityContext } = container(objects)
    expect(image).toBe('altiplano:0.1.0')
    expect(volumeMounts).toContainEqual({ name: 'models', mountPath: '/mnt/models', readOnly: true })
    expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, runAsNonRoot: true })
    expect(container(deployment('deployment.cuda=true')).image).toBe('altiplano:0.1.0-cuda')
  })

  it.each(['hpa', 'keda'])('the chart lets %s scale a Deployment without replicas of its own', (kind) => {
    const objects = deployment(`deployment.autoscaling.kind=${kind}`)
    expect(kinds(objects)).toContain(kind === 'hpa' ? 'HorizontalPodAutoscaler' : 'ScaledObject')
    expect(objects.find((each) => each.kind === 'Deployment')?.spec).not.toHaveProperty('replicas')
  })

  it('the chart has the alerts and the dashboard on request', () => {
    const [rule] = rendered(
      'metrics.prometheusRule.enabled=true',
      'metrics.prometheusRule.labels.release=prom',
      ...off,
    )
    expect(rule).toMatchObject({ kind: 'PrometheusRule', metadata: { labels: { release: 'prom' } } })
    expect(rule?.spec).toEqual(manifests.find(({ kind }) => kind === 'PrometheusRule')?.spec)
    const [map] = rendered('metrics.grafanaDashboard.enabled=true', ...off) as unknown as [
      { metadata: object; data: Record<string, string> },
    ]
    expect(map.metadata).toMatchObject({ labels: { grafana_dashboard: '1' } })
    expect(JSON.parse(map.data['altiplano.json'] ?? '')).toHaveProperty('panels')
  })

  it("the chart labels the runtimes for Open Data Hub's dashboard on request", () => {
    for (const { metadata, spec } of rendered('kserve.openDataHub=true')) {
      expect(metadata).toMatchObject({
        labels: { 'opendatahub.io/dashboard': 'true' },
        annotations: { 'opendatahub.io/apiProtocol': 'REST' },
      })
      expect(spec).toMatchObject({ annotations: { 'opendatahub.io/kserve-runtime': 'vllm' } })
    }
  })

  it.each(['kserve', 'deployment'])(
    'the chart has a PodMonitor and a NetworkPolicy on request, mode %s',
    (mode) => {
      const extras = ['metrics.podMonitor.enabled=true', 'networkPolicy.enabled=true']
      const objects = rendered(`mode=${mode}`, ...extras)
      expect(kinds(objects)).toEqual(expect.arrayContaining(['NetworkPolicy', 'PodMonitor']))
    },
  )

  it("the chart's NetworkPolicy lets routers reach the ports of KV events, where there are any", () => {
    const ports = (...values: string[]): number[] => {
      const objects = deployment('networkPolicy.enabled=true', ...values)
      const spec = objects.find(({ kind }) => kind === 'NetworkPolicy')?.spec as {
        ingress: [{ ports: { port: number }[] }]
      }
      return spec.ingress[0].ports.map(({ port }) => port)
    }
    expect(ports()).toEqual([8080])
    const endpoints = ['config.kvEventsEndpoint=tcp://*:5557', 'config.kvEventsReplayEndpoint=tcp://*:5558']
    expect(ports(...endpoints)).toEqual([8080, 5557, 5558])
  })

  it.each([
    'config.slotz=1',
    'config.slots=-1',
    'config.host=::',
    'mode=pod',
    'kserve.cpu.size=2',
    'replica=2',
  ])('the chart refuses %s', (value) => {
    const { ok, output } = template([value])
    expect(ok).toBe(false)
    expect(output).toContain("values don't meet the specifications")
  })
})
