import { expect, it } from 'vitest'
import { parseEndpoint } from '../../src/config/kv-events-endpoint.ts'
import { loadConfig } from '../../src/config/load.ts'
import { servedNames } from '../../src/config/schema.ts'
import { renderAll, renderTemplate } from './go-template.ts'
import { llmPreset } from './llm-preset.ts'
import { type Container, manifests } from './manifests.ts'
import { type Json, mergePod } from './pod-merge.ts'

interface Pod {
  readonly containers: readonly (Container & { readonly args: readonly string[] })[]
  readonly terminationGracePeriodSeconds: number
}

const template = (file: string): Json => {
  const spec = manifests.find((each) => each.file === file)?.spec as { template?: Json } | undefined
  return spec?.template ?? {}
}
const service = {
  ObjectMeta: { Name: 'qwen', Namespace: 'chat' },
  Spec: { Model: { Name: 'qwen' } },
  GlobalConfig: { EnableTLS: false },
}

/** The pod that KServe makes of its preset, our config and the service. */
function podOf(file: string, EnableTLS = false): Pod {
  const layers = [template('llmisvc/altiplano.yaml'), template(file)]
  const data = { ...service, GlobalConfig: { EnableTLS } }
  return renderAll(layers.reduce(mergePod, llmPreset), data) as unknown as Pod
}

it('the pod has no vLLM command, probe or variable left', () => {
  const { containers, terminationGracePeriodSeconds } = podOf('examples/llminferenceservice.yaml')
  expect(containers).toHaveLength(1)
  const [main] = containers
  expect(main).toMatchObject({ image: 'altiplano:0.1.0', command: ['node', '/app/dist/main.js', 'serve'] })
  expect(main?.env).toContainEqual({ name: 'HOME', value: '/tmp' })
  expect(main).toMatchObject({
    startupProbe: { httpGet: { path: '/health/live', port: 8000, scheme: 'HTTP' } },
    readinessProbe: { httpGet: { path: '/health/ready', port: 8000, scheme: 'HTTP' }, periodSeconds: 2 },
    livenessProbe: { httpGet: { path: '/health/live', port: 8000, scheme: 'HTTP' }, timeoutSeconds: 5 },
    securityContext: { readOnlyRootFilesystem: true, runAsNonRoot: true },
  })
  expect(JSON.stringify(main)).not.toContain('{{')
  const { drainTimeout } = loadConfig(['serve', ...(main?.args ?? [])], {}).config
  expect(terminationGracePeriodSeconds).toBeGreaterThan(15 + drainTimeout)
})

it('the arguments serve both model names on the port that KServe expects', () => {
  const [main] = podOf('examples/llminferenceservice.yaml').containers
  // KServe v0.20 puts those of adapters before ours, and those of tracing after them.
  const injected = ['--enable-lora', '--lora-modules', `'{"name":"a","path":"/mnt/lora/a"}'`]
  const tracing = ['--otlp-traces-endpoint', 'http://collector:4317', '--collect-detailed-traces', 'all']
  const words = ['serve', ...injected, ...(main?.args ?? []), ...tracing]
  const { config } = loadConfig(words, {})
  expect(config).toMatchObject({ model: '/mnt/models', host: '0.0.0.0', port: 8000 })
  expect(servedNames(config.servedModelName, 'x')).toEqual(['qwen', 'publishers/chat/models/qwen'])
})

it("a pod serves HTTPS with KServe's certificate, and has HTTPS probes, where KServe has TLS on", () => {
  const [main] = podOf('examples/llminferenceservice.yaml', true).containers
  const { config } = loadConfig(['serve', ...(main?.args ?? [])], {})
  expect(config).toMatchObject({
    sslCertfile: '/var/run/kserve/tls/tls.crt',
    sslKeyfile: '/var/run/kserve/tls/tls.key',
  })
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
    expect(main).toHaveProperty(`${probe}.httpGet.scheme`, 'HTTPS')
  expect(main?.['volumeMounts']).toContainEqual(expect.objectContaining({ mountPath: '/var/run/kserve/tls' }))
  const plain = podOf('examples/llminferenceservice.yaml').containers[0]
  expect(loadConfig(['serve', ...(plain?.args ?? [])], {}).config).not.toHaveProperty('sslCertfile')
})

it('a service overrides image, settings and GPU of the config', () => {
  const [main] = podOf('examples/llminferenceservice-cuda.yaml').containers
  expect(main).toMatchObject({
    image: 'altiplano:0.1.0-cuda',
    command: ['node', '/app/dist/main.js', 'serve'],
    resources: { limits: { 'nvidia.com/gpu': '1' } },
  })
  expect(main?.env?.map(({ name }) => name)).toEqual(['HOME', 'HF_HUB_CACHE', 'ALTIPLANO_SLOTS'])
})

it('KV events of a service go to the port of its picker, with the same block size', () => {
  const file = 'examples/llminferenceservice-kv-events.yaml'
  const [main] = podOf(file).containers
  const env = Object.fromEntries((main?.env ?? []).map(({ name, value }) => [name, value]))
  const { config, warnings } = loadConfig(['serve', ...(main?.args ?? [])], env)
  expect(warnings).toEqual([])
  const spec = manifests.find((each) => each.file === file)?.spec as {
    router: { scheduler: { config: { inline: { plugins: { type: string; parameters: Json }[] } } } }
  }
  const plugin = (type: string): Json | undefined =>
    spec.router.scheduler.config.inline.plugins.find((each) => each.type === type)?.parameters
  expect(plugin('precise-prefix-cache-producer')).toEqual({
    tokenProcessorConfig: { blockSize: config.kvEventsBlockSize },
    kvEventsConfig: {
      topicFilter: 'kv@',
      discoverPods: true,
      podDiscoveryConfig: {
        socketPort: parseEndpoint(config.kvEventsEndpoint ?? '').port,
        replaySocketPort: parseEndpoint(config.kvEventsReplayEndpoint ?? '').port,
      },
    },
  })
  expect(parseEndpoint(config.kvEventsEndpoint ?? '').listens).toBe(true)
  expect(main?.env?.map(({ name }) => name)).toContain('POD_IP')
  expect(plugin('token-producer')).toMatchObject({ modelName: servedNames(config.servedModelName, 'x')[0] })
})

it('a template with a field or function that KServe lacks is an error', () => {
  expect(() => renderTemplate('{{ .Spec.Nothing }}', service)).toThrow('no field')
  expect(() => renderTemplate('{{ shutdownTimeout .Spec 15 }}', service)).toThrow('not a field')
})
