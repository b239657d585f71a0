import type { Metrics } from '../../metrics/metrics.ts'
import { attributesOf, type OtlpSpan } from './otlp.ts'

export interface SpanExporterOptions {
  /** OTLP over HTTP: spans are sent to /v1/traces below it. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  /** Resource attributes of OpenTelemetry, which name the sender. */
  readonly resource: Readonly<Record<string, string>>
  readonly metrics: Metrics
  readonly log: { warn(fields: object, message: string): void }
}

const EVERY_MS = 2000
const MAX_WAITING = 4096
const BATCH = 512
const PATIENCE_MS = 5000

/** Sends spans in batches, in the background: spans that cannot be sent are dropped, counted and logged once per outage. */
export class SpanExporter {
  readonly #options: SpanExporterOptions
  #waiting: OtlpSpan[] = []
  #sending: Promise<void> | undefined
  #failing = false
  readonly #timer: NodeJS.Timeout

  constructor(options: SpanExporterOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), EVERY_MS)
    this.#timer.unref()
  }

  add(spans: readonly OtlpSpan[]): void {
    if (this.#waiting.length + spans.length > MAX_WAITING) this.#drop(spans)
    else this.#waiting.push(...spans)
  }

  /** Never rejects. */
  flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    await this.flush()
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH)
      try {
        await this.#send(batch)
        this.#failing = false
      } catch (error) {
        this.#drop(batch)
        if (!this.#failing) this.#options.log.warn({ reason: reasonOf(error) }, 'traces cannot be delivered')
        this.#failing = true
        return
      }
    }
  }

  #drop({ length }: readonly OtlpSpan[]): void {
    this.#options.metrics.droppedSpans.inc(length)
  }

  async #send(spans: readonly OtlpSpan[]): Promise<void> {
    const { endpoint, headers, resource } = this.#options
    const body = {
      resourceSpans: [
        {
          resource: { attributes: attributesOf(resource) },
          scopeSpans: [{ scope: { name: 'altiplano' }, spans }],
        },
      ],
    }
    const answer = await fetch(`${endpoint.replace(/\/$/, '')}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`the collector answered ${answer.status}`)
  }
}

/** The reason of a failure, which fetch hides behind 'fetch failed'. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
