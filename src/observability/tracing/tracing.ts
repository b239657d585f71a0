import { hostname } from 'node:os'
import { version } from '../../base/version.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { type RequestEnd, requestSpans } from './request-spans.ts'
import { SpanExporter, type SpanExporterOptions } from './span-exporter.ts'

/** Traces requests when they are over. */
export interface Tracing {
  onRequestOver(end: RequestEnd): void
  /** Sends what is left. */
  close(): Promise<void>
}

/**
 * @param model the name that this server gives its model, whatever a request calls it.
 * @param env OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count.
 */
export function openTracing(
  endpoint: string,
  model: string,
  log: SpanExporterOptions['log'],
  metrics: Metrics,
  env: NodeJS.ProcessEnv,
): Tracing {
  const exporter = new SpanExporter({
    endpoint,
    headers: pairs(env['OTEL_EXPORTER_OTLP_HEADERS']),
    resource: {
      'service.name': env['OTEL_SERVICE_NAME'] ?? 'altiplano',
      'service.version': version,
      'service.instance.id': hostname(),
      ...pairs(env['OTEL_RESOURCE_ATTRIBUTES']),
    },
    log,
    metrics,
  })
  return {
    onRequestOver: (end) => exporter.add(requestSpans(end, model)),
    close: () => exporter.close(),
  }
}

/** OpenTelemetry: `key=value,key=value`, with %-escapes in values. */
function pairs(text: string | undefined): Record<string, string> {
  const entries = (text ?? '').split(',').flatMap((pair) => {
    const [name, value] = pair.split(/=(.*)/s)
    return name === undefined || value === undefined ? [] : [[name.trim(), unescaped(value.trim())] as const]
  })
  return Object.fromEntries(entries)
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
