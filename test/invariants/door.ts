import type { ErrorCode } from '../../src/base/errors.ts'
import type { GenerationRequest } from '../../src/generation/generation.ts'
import type { World } from './world.ts'

/** How long an engine is waited for. */
export const PATIENCE_MS = 120_000
const QUARANTINE_MS = 600_000

/** Who is let in, as it is promised. */
export class Door {
  readonly #world: World
  readonly #quarantined = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  quarantine(request: GenerationRequest): void {
    this.#quarantined.set(keyOf(request), performance.now() + QUARANTINE_MS)
  }

  /** Why these are refused; undefined: they are let in. */
  refusal(requests: readonly GenerationRequest[]): ErrorCode | undefined {
    const { live, settings, downAt } = this.#world
    const now = performance.now()
    if (downAt !== undefined && now >= downAt + PATIENCE_MS) return 'model_loading'
    const room = settings.slots + settings.maxQueue
    if (requests.length > room) return 'invalid_value'
    const tenant = requests[0]?.spec.share.tenant ?? ''
    const isOurs = ({ request }: { readonly request: GenerationRequest }): boolean =>
      request.spec.share.tenant === tenant
    const waiting = live.filter(({ generation }) => generation.stage === 'waiting')
    const count = requests.length
    const tokens = tokensOf(requests)
    const inside = { all: live.length + count, own: live.filter(isOurs).length + count }
    const queued = {
      all: tokensOf(waiting.map(({ request }) => request)) + tokens,
      own: tokensOf(waiting.filter(isOurs).map(({ request }) => request)) + tokens,
    }
    if (isFull(tenant, inside, room, settings.maxQueue)) return 'server_overloaded'
    const waits = inside.all > settings.slots && queued.all > tokens
    if (waits && isFull(tenant, queued, settings.maxQueuedTokens, settings.maxQueuedTokens))
      return 'server_overloaded'
    if (requests.some((request) => (this.#quarantined.get(keyOf(request)) ?? 0) > now))
      return 'request_quarantined'
    return undefined
  }
}

/** The last quarter of a queue is for tenants who have no more than that. */
function isFull(
  tenant: string,
  { all, own }: { readonly all: number; readonly own: number },
  limit: number,
  queue: number,
): boolean {
  const kept = Math.floor(queue / 4)
  return all > limit || (tenant !== '' && all > limit - kept && own > kept)
}

function tokensOf(requests: readonly GenerationRequest[]): number {
  return requests.reduce((sum, { spec }) => sum + spec.prompt.length, 0)
}

/** All that the engine gets, but the seed and the turn. */
function keyOf({ spec }: GenerationRequest): string {
  const { prompt, maxTokens, stopTokens, speculation, logprobs, cacheScope, adapter } = spec
  return JSON.stringify([[...prompt], maxTokens, stopTokens, speculation, logprobs, cacheScope, adapter])
}
