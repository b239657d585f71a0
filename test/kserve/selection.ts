import type { Format, Runtime, RuntimeSpec } from './manifests.ts'

/** What an InferenceService says of its model. */
export interface Wanted {
  readonly format: string
  readonly version?: string
  readonly protocol?: string
}

const speaks = ({ protocolVersions = [] }: RuntimeSpec, protocol: string): boolean =>
  protocolVersions.length === 0 || protocolVersions.includes(protocol)

const matches = ({ name, version }: Format, wanted: Wanted): boolean =>
  name === wanted.format && (wanted.version === undefined || version === wanted.version)

const priority = ({ spec }: Runtime, { format }: Wanted): number =>
  spec.supportedModelFormats.find((each) => each.name === format && each.autoSelect)?.priority ?? -1

/**
 * The runtime that KServe v0.20 takes for a model where the service names none: pkg/apis/serving/v1beta1/
 * predictor_model.go. Runtimes of the namespace go first, then by priority; the newest or first by name breaks ties.
 */
export function select(runtimes: readonly Runtime[], wanted: Wanted): Runtime | undefined {
  const fits = ({ spec }: Runtime): boolean =>
    spec.disabled !== true &&
    spec.multiModel !== true &&
    spec.workerSpec === undefined &&
    speaks(spec, wanted.protocol ?? 'v1') &&
    spec.supportedModelFormats.some((format) => format.autoSelect === true && matches(format, wanted))
  const own = (runtime: Runtime): number => (runtime.kind === 'ServingRuntime' ? 0 : 1)
  return runtimes
    .filter(fits)
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name))
    .sort((a, b) => own(a) - own(b) || priority(b, wanted) - priority(a, wanted))[0]
}

/** Whether a runtime that a service names may serve its model: autoSelect does not matter then. */
export function supports({ spec }: Runtime, wanted: Wanted): boolean {
  const known = spec.supportedModelFormats.some((format) => matches(format, wanted))
  return spec.disabled !== true && known && speaks(spec, wanted.protocol ?? 'v1')
}

const key = ({ name, version }: Format): string => `${name.toLowerCase()} ${version?.toLowerCase() ?? ''}`
const selected = ({ spec }: Runtime): Format[] =>
  spec.supportedModelFormats.filter(({ autoSelect }) => autoSelect === true)

/** Why KServe v0.20's webhook would refuse a runtime beside others of its scope: servingruntime_webhook.go. */
export function refusal(runtime: Runtime, others: readonly Runtime[]): string | undefined {
  for (const a of selected(runtime)) {
    const rival = selected(runtime).find((b) => b.name === a.name && b.priority !== a.priority)
    if (rival) return `${a.name} has two priorities`
    for (const other of others) {
      if (other.kind !== runtime.kind || other.spec.disabled || !sharesProtocol(runtime, other)) continue
      const same = selected(other).find((b) => key(a) === key(b) && a.priority === b.priority)
      if (same && a.priority !== undefined) return `${key(a)} has the priority of ${other.metadata.name}`
    }
  }
  const blocked = runtime.spec.containers.find(({ env }) => env?.some(({ name }) => name === 'PYTHONPATH'))
  return blocked && `${blocked.name} sets PYTHONPATH`
}

function sharesProtocol(a: Runtime, b: Runtime): boolean {
  const theirs = new Set(b.spec.protocolVersions)
  return (a.spec.protocolVersions ?? []).some((protocol) => theirs.has(protocol))
}
