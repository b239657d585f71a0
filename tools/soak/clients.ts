import { setTimeout as pause } from 'node:timers/promises'
import { ask, type MixedRequest, mixedRequests } from '../../test/support/mixed-requests.ts'
import type { Draw } from '../fuzz/draw.ts'
import { faultsOf } from '../fuzz/laws.ts'
import { drawRequest } from '../fuzz/requests.ts'
import { sendBytes } from '../fuzz/wire.ts'

export type Behaviour = 'patient' | 'leaving' | 'slow' | 'hostile'

/** What one client did, and what was wrong with how it was served. */
export interface Visit {
  readonly behaviour: Behaviour
  readonly fault?: string
}

const behaviours: readonly Behaviour[] = [
  'patient',
  'patient',
  'patient',
  'leaving',
  'leaving',
  'slow',
  'hostile',
]
const requests = mixedRequests('demo')

/** One client: comes, behaves in one of the ways, and goes. Never throws. */
export async function visit(url: string, draw: Draw): Promise<Visit> {
  const behaviour = draw.of(behaviours)
  const ways: Readonly<Record<Behaviour, () => Promise<string | undefined>>> = {
    patient: () => patient(url, drawn(draw)),
    leaving: () => leaving(url, drawn(draw), draw.below(400)),
    slow: () => slow(url, draw.below(4)),
    hostile: () => hostile(url, draw),
  }
  try {
    const fault = await ways[behaviour]()
    return fault === undefined ? { behaviour } : { behaviour, fault }
  } catch (error) {
    return { behaviour, fault: error instanceof Error ? error.message : String(error) }
  }
}

/** Some have to give up their slots to others. */
function drawn(draw: Draw): MixedRequest {
  const request = draw.of(requests)
  return { ...request, body: { ...request.body, priority: draw.of([0, 5]) } }
}

/** Reads its answer to the end. Over capacity is an answer, too. */
async function patient(url: string, request: MixedRequest): Promise<string | undefined> {
  const { status, whole, raw } = await ask(url, request, { signal: AbortSignal.timeout(120_000) })
  return whole || status === 503 || status === 529
    ? undefined
    : `${request.name}: ${status} ${raw.slice(-300)}`
}

async function leaving(url: string, request: MixedRequest, afterMs: number): Promise<undefined> {
  await ask(url, request, { signal: AbortSignal.timeout(afterMs) }).catch((error: Error) => {
    if (error.name !== 'TimeoutError' && error.name !== 'AbortError') throw error
  })
}

/** Reads a piece, waits, and reads the next; some leave in the middle. */
async function slow(url: string, patience: number): Promise<string | undefined> {
  const controller = new AbortController()
  const answer = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo', prompt: 'One', max_tokens: 300, ignore_eos: true, stream: true }),
    signal: controller.signal,
  })
  const reader = answer.body?.getReader()
  let text = ''
  for (let pieces = 0; ; pieces++) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done)
      return answer.status !== 200 || text.endsWith('data: [DONE]\n\n')
        ? undefined
        : `ends with ${text.slice(-200)}`
    text = text.slice(-400) + Buffer.from(value).toString()
    if (pieces === 20 * patience) break
    await pause(50)
  }
  controller.abort()
  return undefined
}

async function hostile(url: string, draw: Draw): Promise<string | undefined> {
  const request = drawRequest(draw)
  const answer = await sendBytes(Number(new URL(url).port), { ...request, good: false }, 60_000)
  const faults = faultsOf(request, answer).filter((fault) => !/^took|a good request answered 503/.test(fault))
  return faults.length > 0 ? `${request.method} ${request.path}: ${faults.join('; ')}` : undefined
}
