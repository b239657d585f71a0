import { declaredFields } from '../../test/support/body-schema.ts'
import type { Sample } from '../../test/support/samples/sample.ts'
import { samples } from '../../test/support/samples/samples.ts'
import { breakBytes, doubleKey, mutate } from './body-mutations.ts'
import { drawBomb } from './bombs.ts'
import type { Draw } from './draw.ts'
import { jsonText } from './json-text.ts'
import { addOddHeader, oddMethod, oddPath } from './odd-http.ts'

/** A request as its bytes go over the socket. */
export interface FuzzRequest {
  readonly method: string
  readonly path: string
  /** In the description's words; undefined where the path has been changed. */
  readonly route: string | undefined
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | undefined
  /** Whether nothing but its body's fields was changed: its answer is then the route's own. */
  readonly plainHttp: boolean
  /** Whether it is a sample as it stands: it must be served. */
  readonly good: boolean
}

/** What these answer depends on what came before. */
const CHANGING = new Set(['/v1/load_lora_adapter', '/v1/unload_lora_adapter'])

/** The whole request of one index. */
export function drawRequest(draw: Draw): FuzzRequest {
  // Most routes without a body are asked in few ways.
  const sample = draw.of(draw.once(8) ? samples : samples.filter(({ body }) => body !== undefined))
  if (draw.once(25)) return requestOf(sample, sample.body)
  const kind = draw.below(20)
  if (kind < 13 && sample.body !== undefined) return changedFields(sample, draw)
  if (kind < 16 && sample.body !== undefined) return brokenBody(sample, draw)
  return oddRequest(sample, draw)
}

function requestOf(sample: Sample, body: unknown, bytes?: Buffer): FuzzRequest {
  const text = body === undefined ? undefined : Buffer.from(jsonText(body))
  return {
    method: sample.method,
    path: sample.url ?? sample.route,
    route: sample.route,
    headers: sample.method === 'POST' ? [['content-type', 'application/json']] : [],
    body: bytes ?? text,
    plainHttp: true,
    good: bytes === undefined && body === sample.body && !CHANGING.has(sample.route),
  }
}

function changedFields(sample: Sample, draw: Draw): FuzzRequest {
  const schema = { properties: declaredFields(sample.route) }
  let body: unknown = sample.body
  if (draw.once(15)) return requestOf(sample, doubleKey(sample.body ?? {}, draw))
  if (draw.once(60)) {
    const field = draw.of(['x', ...Object.keys(sample.body ?? {})])
    return requestOf(sample, { ...sample.body, [field]: drawBomb(draw) })
  }
  for (let left = 1 + draw.below(3); left > 0; left--) body = mutate(body, schema, draw)
  return requestOf(sample, body)
}

function brokenBody(sample: Sample, draw: Draw): FuzzRequest {
  return requestOf(sample, undefined, breakBytes(Buffer.from(jsonText(sample.body)), draw))
}

function oddRequest(sample: Sample, draw: Draw): FuzzRequest {
  const request = { ...requestOf(sample, sample.body), good: false, plainHttp: false }
  const method = draw.once(3) ? oddMethod(draw) : request.method
  const path = draw.once(3) ? oddPath(request.path, draw) : request.path
  const headers = draw.once(2) ? addOddHeader(request.headers, draw) : request.headers
  const route = method === request.method && path === request.path ? request.route : undefined
  return { ...request, method, path, headers, route }
}
