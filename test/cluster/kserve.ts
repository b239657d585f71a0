import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'

interface Controller {
  /** The binary. */
  readonly name: string
  readonly probe: number
  /** The service in front of its webhooks, and the port where they are. */
  readonly service: string
  readonly port: number
}

const controllers: readonly Controller[] = [
  { name: 'kserve', probe: 8081, service: 'kserve-webhook-server-service', port: 9443 },
  { name: 'llmisvc', probe: 8082, service: 'llmisvc-webhook-server-service', port: 9444 },
]

/** What KServe works with, of the CRDs that it has for its own tests. */
const neighbours = [
  'gateway-inference-extension',
  'gateway-inference-extension-v1alpha2pool',
  'gatewayapi_gateway',
  'gatewayapi_gatewayclasses',
  'gatewayapi_httproute',
  'keda',
  'knative_service',
  'leaderworkerset.x-k8s.io_leaderworkersets',
]

interface Hooks {
  webhooks: { clientConfig: { service?: { name: string; path: string } } }[]
}

/**
 * Installs KServe by the kustomizations of its checkout, in Standard mode with the Gateway API, and runs its controllers.
 * Done here in place of others: the certificate (cert-manager), and the addresses of webhooks (kube-proxy; the
 * controllers have no pods).
 */
export async function installKServe(plane: ControlPlane, checkout: string): Promise<void> {
  const { must, apply, get, certificate, key, folder } = plane
  const kustomize = (path: string): string => must(['kustomize', join(checkout, 'config', path)])

  for (const file of neighbours) apply(readFileSync(join(checkout, 'test/crds', `${file}.yaml`), 'utf8'))
  const objects = ['overlays/standalone/kserve', 'overlays/addons/llmisvc'].flatMap((overlay) =>
    kustomize(overlay).split(/^---$/m),
  )
  const of = (kinds: RegExp): string => objects.filter((text) => kinds.test(text)).join('\n---\n')
  apply(of(/^kind: (Namespace|CustomResourceDefinition)$/m))
  await plane.establish()
  apply(of(/^kind: (?!(Namespace|CustomResourceDefinition|Certificate|Issuer|Deployment)$)/m))

  const caBundle = Buffer.from(certificate).toString('base64')
  const url = (service: string, path: string): string =>
    `https://127.0.0.1:${controllers.find((each) => each.service === service)?.port}${path}`
  for (const kind of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])
    for (const hooks of get<{ items: Hooks[] }>(kind).items) {
      for (const hook of hooks.webhooks) {
        const { name = '', path = '' } = hook.clientConfig.service ?? {}
        Object.assign(hook, { clientConfig: { url: url(name, path), caBundle }, timeoutSeconds: 30 })
      }
      must(['replace', '-f', '-'], JSON.stringify(hooks))
    }
  const clientConfig = { service: null, url: url('llmisvc-webhook-server-service', '/convert'), caBundle }
  for (const kind of ['llminferenceservices', 'llminferenceserviceconfigs']) {
    const patch = { spec: { conversion: { webhook: { clientConfig } } } }
    must(['patch', 'crd', `${kind}.serving.kserve.io`, '--type=merge', '-p', JSON.stringify(patch)])
  }

  const config = ['configmap/inferenceservice-config', '-n', 'kserve']
  const { data } = get<{ data: Record<string, string> }>(...config)
  const ingress = { ...(JSON.parse(data['ingress'] ?? '') as object), enableGatewayApi: true }
  const deploy = { defaultDeploymentMode: 'Standard' }
  const changed = { data: { ingress: JSON.stringify(ingress), deploy: JSON.stringify(deploy) } }
  must(['patch', ...config, '--type=merge', '-p', JSON.stringify(changed)])

  for (const { name, probe, port } of controllers) {
    const certificates = join(folder, name, 'k8s-webhook-server/serving-certs')
    mkdirSync(certificates, { recursive: true })
    writeFileSync(join(certificates, 'tls.crt'), certificate)
    writeFileSync(join(certificates, 'tls.key'), key)
    const words = ['--metrics-addr=0', `--webhook-port=${port}`, `--health-probe-addr=127.0.0.1:${probe}`]
    const env = { POD_NAMESPACE: 'kserve', TMPDIR: join(folder, name) }
    await plane.start(name, words, `http://127.0.0.1:${probe}/readyz`, env)
  }
  // The webhooks have a say about these.
  for (const presets of ['runtimes', 'llmisvcconfig']) apply(kustomize(presets))
}
