import { randomBytes } from 'node:crypto'
import type { ErrorCode } from '../../base/errors.ts'
import type { RequestTrace, TracedPart } from '../../generation/request-trace.ts'
import { attributesOf, type OtlpSpan, unixNano } from './otlp.ts'

/** A request that is over. */
export interface RequestEnd {
  readonly trace: RequestTrace
  /** The header as the client sent it; may be anything. */
  readonly traceparent: string | string[] | undefined
  readonly method: string
  /** The route's pattern, which holds nothing of the request. */
  readonly route: string
  readonly status: number
  readonly failure: ErrorCode | undefined
  readonly aborted: boolean
}

/** Parts of one request that get a span at most: a thousand choices need not all be shown. */
const MAX_PARTS = 100

/** Operation names of OpenTelemetry's GenAI conventions (in development), by route. */
const OPERATIONS: Readonly<Record<string, string>> = {
  '/chat/completions': 'chat',
  '/messages': 'chat',
  '/responses': 'chat',
  '/completions': 'text_completion',
  '/embeddings': 'embeddings',
}

/**
 * A span of the request and one of each part of it; none where the caller does not sample.
 * They hold times, counts, ids and names from closed lists, and no text of a client.
 */
export function requestSpans(end: RequestEnd, model: string): OtlpSpan[] {
  const parent = parentOf(end.traceparent)
  if (parent?.sampled === false) return []
  const traceId = parent?.traceId ?? newId(16)
  const spanId = newId(8)
  const operation = OPERATIONS[end.route.replace(/^(\/openai)?\/v1/, '').replace(/(?<=.)\/$/, '')]
  const failed = end.failure !== undefined || end.status >= 500
  const root: OtlpSpan = {
    traceId,
    spanId,
    ...(parent && { parentSpanId: parent.spanId }),
    name: operation === undefined ? `${end.method} ${end.route}` : `${operation} ${model}`,
    kind: 2,
    startTimeUnixNano: unixNano(end.trace.startedAt),
    endTimeUnixNano: unixNano(performance.now()),
    attributes: attributesOf({
      ...httpAttributes(end),
      ...(operation && genAiAttributes(end, operation, model)),
    }),
    status: failed ? { code: 2 } : {},
  }
  const parts = end.trace.parts.slice(0, MAX_PARTS).map((part) => partSpan(part, traceId, spanId))
  return [root, ...parts]
}

function partSpan({ name, start, end }: TracedPart, traceId: string, parentSpanId: string): OtlpSpan {
  const times = { startTimeUnixNano: unixNano(start), endTimeUnixNano: unixNano(Math.max(start, end)) }
  return { traceId, spanId: newId(8), parentSpanId, name, kind: 1, ...times, attributes: [], status: {} }
}

function httpAttributes({ method, route, status, failure, aborted, trace }: RequestEnd) {
  return {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'error.type': failure,
    'altiplano.request.id': trace.id,
    'altiplano.aborted': aborted || undefined,
    'altiplano.engine.restarts': trace.restarts || undefined,
    'altiplano.preemptions': trace.preemptions || undefined,
  }
}

function genAiAttributes({ trace }: RequestEnd, operation: string, model: string) {
  const { generations } = trace
  const total = (
    count: (usage: (typeof generations)[number]['record']['usage']) => number,
  ): number | undefined =>
    generations.length === 0
      ? undefined
      : generations.reduce((sum, { record }) => sum + count(record.usage), 0)
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'altiplano',
    'gen_ai.request.model': model,
    'gen_ai.response.model': model,
    'gen_ai.request.choice.count': generations.length > 1 ? generations.length : undefined,
    'gen_ai.response.finish_reasons':
      generations.length === 0 ? undefined : generations.map(({ record }) => record.reason),
    // Of one choice: they share a prompt.
    'gen_ai.usage.input_tokens': generations[0]?.record.usage.promptTokens,
    'gen_ai.usage.cache_read.input_tokens': generations[0]?.record.usage.cachedTokens,
    'gen_ai.usage.output_tokens': total(({ completionTokens }) => completionTokens),
    'gen_ai.usage.reasoning.output_tokens': total(({ reasoningTokens }) => reasoningTokens),
  }
}

/** W3C trace context. */
function parentOf(traceparent: RequestEnd['traceparent']) {
  if (typeof traceparent !== 'string') return undefined
  const [, traceId, spanId, flags] =
    /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})/.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

const newId = (bytes: number): string => randomBytes(bytes).toString('hex')
