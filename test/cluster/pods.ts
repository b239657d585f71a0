import { setTimeout as pause } from 'node:timers/promises'
import type { ControlPlane } from './control-plane.ts'

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number; readonly scheme?: string }
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly startupProbe?: Probe
  readonly securityContext?: { readonly runAsUser?: number }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly containers: readonly [Container, ...Container[]]
    readonly initContainers?: readonly Container[]
    readonly terminationGracePeriodSeconds: number
  }
}

/** The pods that controllers made, as soon as there are `count`. @throws Error with what happened, where they are not. */
export async function podsOf(
  { get, must }: ControlPlane,
  namespace: string,
  selector: string,
  count = 1,
): Promise<readonly [Pod, ...Pod[]]> {
  for (let tries = 0; tries < 300; tries++) {
    const { items } = get<{ items: Pod[] }>('pods', '-n', namespace, '-l', selector)
    if (items.length >= count) return items as [Pod, ...Pod[]]
    await pause(200)
  }
  throw new Error(`no pods of ${selector}:\n${must(['get', 'events', '-n', namespace])}`)
}

/** Says of a pod what its kubelet would, were it well. */
export function reportReady({ must }: ControlPlane, { metadata, spec }: Pod): void {
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '')
  const status = {
    phase: 'Running',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime,
    })),
    containerStatuses: spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: lastTransitionTime } },
    })),
  }
  const words = [
    'patch',
    'pod',
    metadata.name,
    '-n',
    metadata.namespace,
    '--subresource=status',
    '--type=merge',
  ]
  must([...words, '-p', JSON.stringify({ status })])
}

/** @throws Error where the pod has no such container. */
export function containerOf({ spec }: Pod, name: string): Container {
  const container = spec.containers.find((each) => each.name === name)
  if (!container) throw new Error(`no container ${name}`)
  return container
}
