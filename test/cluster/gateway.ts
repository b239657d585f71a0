import type { ControlPlane } from './control-plane.ts'

interface Route {
  readonly metadata: { readonly name: string; readonly generation: number }
  readonly spec: { readonly parentRefs: readonly object[] }
}

const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'kserve-ingress-gateway' }
const controllerName = 'altiplano.example/test'

/** The gateway that KServe's configuration names. */
export function makeGateway({ must, apply }: ControlPlane): void {
  const { group, kind, name } = gateway
  const listeners = [
    { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
  ]
  const apiVersion = `${group}/v1`
  apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion, kind: 'GatewayClass', metadata: { name: 'test' }, spec: { controllerName } },
        {
          apiVersion,
          kind,
          metadata: { name, namespace: 'kserve' },
          spec: { gatewayClassName: 'test', listeners },
        },
      ],
    }),
  )
  const status = { conditions: conditions(1, 'Accepted', 'Programmed') }
  must(['patch', 'gateway', name, '-n', 'kserve', ...patch({ status })])
}

/** Says of the routes and pools of a namespace what a controller of gateways would. */
export function acceptRoutes({ get, must }: ControlPlane, namespace: string): void {
  for (const { metadata, spec } of get<{ items: Route[] }>('httproutes', '-n', namespace).items) {
    const parents = spec.parentRefs.map((parentRef) => ({
      parentRef,
      controllerName,
      conditions: conditions(metadata.generation, 'Accepted', 'ResolvedRefs'),
    }))
    must(['patch', 'httproute', metadata.name, '-n', namespace, ...patch({ status: { parents } })])
  }
  const pools = 'inferencepools.inference.networking.k8s.io'
  for (const { metadata } of get<{ items: Route[] }>(pools, '-n', namespace).items) {
    const parent = {
      parentRef: { ...gateway, namespace: 'kserve' },
      conditions: conditions(metadata.generation, 'Accepted', 'ResolvedRefs'),
    }
    must(['patch', pools, metadata.name, '-n', namespace, ...patch({ status: { parents: [parent] } })])
  }
}

const patch = (change: object): string[] => [
  '--subresource=status',
  '--type=merge',
  '-p',
  JSON.stringify(change),
]

const conditions = (observedGeneration: number, ...types: readonly string[]): object[] =>
  types.map((type) => ({
    type,
    status: 'True',
    reason: type,
    message: '',
    observedGeneration,
    lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ''),
  }))
