import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rendered } from '../kserve/helm.ts'
import { type Manifest, manifests } from '../kserve/manifests.ts'
import { runContainer, unpackImage } from './container.ts'
import { type ControlPlane, type Outcome, startControlPlane } from './control-plane.ts'
import { acceptRoutes, makeGateway } from './gateway.ts'
import { installKServe } from './kserve.ts'
import { containerOf, type Pod, podsOf, reportReady } from './pods.ts'

const binaries = process.env['ALTIPLANO_CLUSTER'] ?? ''
const folder = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const namespace = 'models'
// For pods with containers of KServe that a restricted namespace refuses: its downloads have no security context.
const unrestricted = 'unrestricted'

let plane: ControlPlane
let image: ReturnType<typeof unpackImage>

beforeAll(async () => {
  image = unpackImage()
  plane = await startControlPlane(binaries)
  await installKServe(plane, `${binaries}/kserve-checkout`)
  plane.must(['create', 'namespace', namespace])
  plane.must(['create', 'namespace', unrestricted])
  plane.must(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted'])
}, 1_200_000)

afterAll(async () => {
  await plane?.stop()
  image?.[Symbol.dispose]()
})

const strictly = ['apply', '--server-side', '--validate=strict']
const tried = (manifest: Manifest): Outcome => plane.tried(manifest, namespace)

const off = ['kserve.cpu.enabled=false', 'kserve.cuda.enabled=false']
const volume = 'deployment.modelVolume.persistentVolumeClaim.claimName=models'
const values = [
  [],
  ['kserve.scope=namespace'],
  ['kserve.openDataHub=true'],
  ['config.slots=8', 'config.contextSize=8192'],
  [...off, 'kserve.llmInferenceServiceConfig.enabled=true'],
  [...off, 'kserve.storageContainer.enabled=true'],
  [...off, 'networkPolicy.enabled=true', 'metrics.grafanaDashboard.enabled=true'],
  ['mode=deployment', volume],
  ['mode=deployment', 'deployment.cuda=true', 'networkPolicy.enabled=true'],
  ['mode=deployment', 'deployment.autoscaling.kind=hpa'],
  ['mode=deployment', 'deployment.autoscaling.kind=keda'],
]

describe('the API server and the webhooks of KServe', () => {
  // KServe's tests have no CRDs of the Prometheus operator.
  const known = manifests.filter(({ apiVersion }) => !apiVersion.startsWith('monitoring.coreos.com/'))
  it.each(known.map((manifest) => [manifest.file, manifest] as const))(
    'the API server and the webhooks of KServe accept %s',
    (_, manifest) => {
      expect(tried(manifest)).toMatchObject({ ok: true })
    },
  )

  it.each(values.map((each) => [each.join(' '), each] as const))(
    'the API server and the webhooks of KServe accept the chart with %s',
    (_, each) => {
      const objects = rendered(...each)
      expect(objects.map(tried).filter(({ ok }) => !ok)).toEqual([])
      expect(objects).not.toEqual([])
    },
  )

  it('the API server and the webhooks of KServe refuse unknown fields and forbidden runtimes', () => {
    const runtime = manifests.find(({ kind }) => kind === 'ClusterServingRuntime')
    if (!runtime) throw new Error('no runtime')
    const spec = runtime.spec as { containers: [object] }
    const unknown = { ...runtime, spec: { ...spec, terminationGracePeriodSeconds: 60 } }
    expect(tried(unknown).output).toContain('.spec.terminationGracePeriodSeconds: field not declared')
    const typed = { ...runtime, spec: { ...spec, containers: [{ ...spec.containers[0], args: 'serve' }] } }
    expect(tried(typed).output).toContain('spec.containers[0].args')
    const python = { ...spec.containers[0], env: [{ name: 'PYTHONPATH', value: '/' }] }
    const blocked = { ...runtime, spec: { ...spec, containers: [python] } }
    expect(tried(blocked).output).toContain('PYTHONPATH')
  })
})

/** Plays the parts of kubelets and of the gateway until KServe says that all is ready. */
async function untilReady(resource: string, pods: readonly [Pod, ...Pod[]]): Promise<void> {
  const { namespace } = pods[0].metadata
  for (const pod of pods) reportReady(plane, pod)
  const ready = ['wait', resource, '-n', namespace, '--for=condition=Ready', '--timeout=2s']
  for (let tries = 0; ; tries++) {
    acceptRoutes(plane, namespace)
    const { ok, output } = plane.kubectl(ready)
    if (ok) return
    if (tries > 30) throw new Error(output + plane.must(['get', resource, '-n', namespace, '-o', 'yaml']))
  }
}

/** Runs the server of a pod, has its probes answered, and asks it for a chat by OpenAI's client. */
async function serve(pod: Pod, container: string, model: string): Promise<string | null | undefined> {
  const described = containerOf(pod, container)
  const running = runContainer(image.root, described, { [folder('models')]: '/mnt/models' })
  try {
    await running.untilAnswered(described.livenessProbe)
    if (described.startupProbe) await running.untilAnswered(described.startupProbe)
    await running.untilAnswered(described.readinessProbe)
    const { port } = described.readinessProbe.httpGet
    const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'none', maxRetries: 0 })
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'What is 17 + 25?' }],
    })
    expect(answer.model).toBe(model)
    expect(await running.stop()).toBe(0)
    return answer.choices[0]?.message.content
  } finally {
    await running.stop()
  }
}

/** The examples for Standard mode, each under a name of its own. */
const services = manifests.flatMap(({ file, ...object }) => {
  const { annotations } = object.metadata as { annotations?: Record<string, string> }
  if (annotations?.['serving.kserve.io/deploymentMode'] !== 'Standard') return []
  const name = file.replace('examples/', '').replace('.yaml', object.metadata.name.replace('qwen', ''))
  return [[name, { ...object, metadata: { ...object.metadata, name } }] as const]
})

const placeOf = (service: string): string => (/-(hf-file|oci|s3)$/.test(service) ? unrestricted : namespace)
const podOf = (service: string): ReturnType<typeof podsOf> =>
  podsOf(plane, placeOf(service), `serving.kserve.io/inferenceservice=${service}`)

describe('InferenceServices that name the format', () => {
  beforeAll(() => {
    plane.must([...strictly, '-k', folder('runtimes')])
    plane.must([...strictly, '-f', folder('runtimes/storage-container.yaml')])
    plane.must(['create', 'serviceaccount', 'model-reader', '-n', unrestricted])
    for (const [name, service] of services)
      plane.must([...strictly, '-n', placeOf(name), '-f', '-'], JSON.stringify(service))
  }, 180_000)

  it.each(services)('the InferenceService %s gets our runtime and a pod, and answers', async (name) => {
    const [pod] = await podOf(name)
    expect(await serve(pod, 'kserve-container', name)).toContain('42')
    const { status } = plane.get<{ status: object }>('inferenceservice', name, '-n', placeOf(name))
    const runtime = name.endsWith('cuda') ? 'altiplano-cuda' : 'altiplano'
    expect(status).toMatchObject({ clusterServingRuntimeName: runtime, deploymentMode: 'Standard' })
  })

  it('an InferenceService that downloads gets the file patterns of our storage container', async () => {
    const [pod] = await podOf('inferenceservice-hf')
    expect(pod.spec.initContainers).toMatchObject([
      {
        name: 'storage-initializer',
        env: expect.arrayContaining([expect.objectContaining({ name: 'STORAGE_ALLOW_PATTERNS' })]),
      },
    ])
  })

  it('an InferenceService is ready as soon as its pod is, and its route has the timeout of its spec', async () => {
    const name = 'inferenceservice-pvc'
    await untilReady(`inferenceservice/${name}`, await podOf(name))
    const route = plane.get<{ spec: { rules: object[] } }>('httproute', name, '-n', namespace)
    expect(route.spec.rules).toContainEqual(expect.objectContaining({ timeouts: { request: '600s' } }))
  })
})

describe('an LLMInferenceService with our config', () => {
  const name = 'llm'
  let pods: readonly [Pod, ...Pod[]]
  const server = (): Pod => pods.find(({ spec }) => spec.containers[0].name === 'main') ?? pods[0]

  beforeAll(async () => {
    makeGateway(plane)
    plane.must([...strictly, '-k', folder('runtimes/llmisvc')])
    const example = manifests.find(({ file }) => file === 'examples/llminferenceservice.yaml')
    const { file: _, ...service } = { ...example, metadata: { name, namespace: unrestricted } }
    plane.must([...strictly, '-f', '-'], JSON.stringify(service))
    pods = await podsOf(plane, unrestricted, `app.kubernetes.io/name=${name}`, 3)
  }, 180_000)

  it("an LLMInferenceService answers a chat by KServe's command line, under both of its names", async () => {
    expect(containerOf(server(), 'main').command).toEqual(['node', '/app/dist/main.js', 'serve'])
    for (const model of ['qwen', `publishers/${unrestricted}/models/qwen`])
      expect(await serve(server(), 'main', model)).toContain('42')
  })

  it('an LLMInferenceService has pods that a restricted namespace admits', () => {
    const spec = { ...server().spec, serviceAccountName: 'default', serviceAccount: 'default' }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec, file: '' }
    expect(tried(pod)).toMatchObject({ ok: true })
    const [main] = spec.containers
    const open = { ...spec, containers: [{ ...main, securityContext: {} }] }
    expect(tried({ ...pod, spec: open }).output).toContain('violates PodSecurity')
  })

  it('an LLMInferenceService is ready in KServe as soon as its pods are', async () => {
    await untilReady(`llminferenceservice/${name}`, pods)
  })
})

describe('the Deployment of the chart, without KServe', () => {
  it('the Deployment of the chart answers a chat without KServe', async () => {
    const objects = rendered('mode=deployment').map(({ file: _, ...object }) => object)
    for (const object of objects)
      plane.must([...strictly, '-n', namespace, '-f', '-'], JSON.stringify(object))
    const [pod] = await podsOf(plane, namespace, 'app.kubernetes.io/instance=chat')
    expect(await serve(pod, 'altiplano', 'chat')).toContain('42')
    reportReady(plane, pod)
    plane.must(['rollout', 'status', 'deployment/chat', '-n', namespace, '--timeout=30s'])
  })
})
