import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GenerationRecord } from '../../generation/generation.ts'
import type { EngineStats, StepMessage } from '../../protocol/engine-messages.ts'
import {
  batchBuckets,
  firstTokenBuckets,
  requestBuckets,
  tokenCountBuckets,
  tokenGapBuckets,
} from './buckets.ts'

/** llm-d's picker takes its blocks from here, and none below 64: with whole slots as blocks no two prompts would be alike. */
const BLOCK_TOKENS = 64

/** What gauges read when they are scraped. */
export interface MetricSources {
  readonly modelName: string
  stats(): EngineStats | undefined
  /** Requests that no slot has taken yet, those the engine does not know of included. */
  waiting(): number
  /** Of all slots together; undefined while the model loads. */
  kvCells(): number | undefined
  ready(): boolean
  /** Names of adapters that run and that wait, and how many there are. */
  adapters(): {
    readonly running: readonly string[]
    readonly waiting: readonly string[]
    readonly known: number
  }
  /** Parts of traces that no collector took. */
  spansDropped(): number
  /** KV events: batches told, and batches that a reader did not get. */
  kvEvents(): { readonly published: number; readonly dropped: number }
  restarts(): { readonly engine: number; readonly text: number }
}

/** Every metric of the server, declared once. Gauges are read when scraped; one series each, from process start. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #firstToken: Histogram
  readonly #tokenGap: Histogram
  readonly #endToEnd: Histogram
  readonly #queueTime: Histogram
  readonly #prefillTime: Histogram
  readonly #decodeTime: Histogram
  readonly #promptLength: Histogram
  readonly #generationLength: Histogram
  readonly #batchTokens: Histogram
  readonly #stepTime: Histogram
  readonly #promptTokens: Counter
  readonly #preemptions: Counter
  readonly #generatedTokens: Counter
  readonly #cacheQueries: Counter
  readonly #cacheHits: Counter
  readonly #finished: Counter<'finished_reason'>
  readonly #errors: Counter<'code'>
  readonly #ignored: Counter
  readonly #admitted: Counter
  readonly #resumed: Counter
  readonly #quarantined: Counter
  readonly #contradictions: Counter
  readonly #aborted: Counter<'reason'>

  constructor(sources: MetricSources) {
    this.#registry.setDefaultLabels({ model_name: sources.modelName })
    collectDefaultMetrics({ register: this.#registry })
    this.#firstToken = this.#histogram(
      'time_to_first_token_seconds',
      'From accepted to first token',
      firstTokenBuckets,
    )
    this.#tokenGap = this.#histogram(
      'inter_token_latency_seconds',
      'Gap between two tokens of a generation',
      tokenGapBuckets,
    )
    this.#endToEnd = this.#histogram('e2e_request_latency_seconds', 'From accepted to end', requestBuckets)
    this.#queueTime = this.#histogram(
      'request_queue_time_seconds',
      'From accepted to first forward pass',
      requestBuckets,
    )
    this.#prefillTime = this.#histogram(
      'request_prefill_time_seconds',
      'From first forward pass to first token',
      requestBuckets,
    )
    this.#decodeTime = this.#histogram(
      'request_decode_time_seconds',
      'From first to last token',
      requestBuckets,
    )
    this.#promptLength = this.#histogram(
      'request_prompt_tokens',
      'Prompt tokens of a request',
      tokenCountBuckets,
    )
    this.#generationLength = this.#histogram(
      'request_generation_tokens',
      'Generated tokens of a request',
      tokenCountBuckets,
    )
    this.#batchTokens = this.#histogram('iteration_tokens', 'Tokens of a forward pass', batchBuckets)
    this.#stepTime = this.#histogram('step_seconds', 'Time of a forward pass with sampling', tokenGapBuckets)
    this.#preemptions = this.#counter(
      'preemptions_total',
      'Times that a generation gave up its slot to one with a better claim, and went on later',
    )
    this.#promptTokens = this.#counter('prompt_tokens_total', 'Prompt tokens of ended requests')
    this.#generatedTokens = this.#counter('generation_tokens_total', 'Tokens generated')
    this.#cacheQueries = this.#counter(
      'prefix_cache_queries_total',
      'Prompt tokens looked up in the prefix cache',
    )
    this.#cacheHits = this.#counter('prefix_cache_hits_total', 'Prompt tokens found in the prefix cache')
    this.#ignored = this.#counter('ignored_parameters_total', 'Request parameters that had no effect')
    this.#admitted = this.#counter(
      'admitted_total',
      'Requests let in; each is counted in request_success_total when it is over',
    )
    this.#resumed = this.#counter(
      'resumed_total',
      'Requests that lost their engine and went on with the next one',
    )
    this.#quarantined = this.#counter(
      'quarantined_total',
      'Requests that lost two engines: they failed, and are not let in again for a while',
    )
    this.#contradictions = this.#counter(
      'contradictions_total',
      'Times that the gateway found its own books wrong when nothing ran: a bug',
    )
    this.#aborted = new Counter({
      ...this.#named('aborted_total', 'Answers that their clients did not take to the end'),
      labelNames: ['reason'],
    })
    for (const reason of ['left', 'stalled']) this.#aborted.inc({ reason }, 0)
    this.#finished = new Counter({
      ...this.#named('request_success_total', 'Requests by how they ended'),
      labelNames: ['finished_reason'],
    })
    for (const reason of ['stop', 'length', 'cancelled', 'error'])
      this.#finished.inc({ finished_reason: reason }, 0)
    this.#errors = new Counter({
      ...this.#named('errors_total', 'Error answers by code'),
      labelNames: ['code'],
    })
    this.#gauges(sources)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  onEngineLost({
    resumed,
    quarantined,
  }: {
    readonly resumed: readonly string[]
    readonly quarantined: readonly string[]
  }): void {
    this.#resumed.inc(resumed.length)
    this.#quarantined.inc(quarantined.length)
  }

  /** The gateway's books contradict each other. */
  onContradiction(): void {
    this.#contradictions.inc()
  }

  /** A client left, or stopped reading. */
  onAborted(reason: 'left' | 'stalled'): void {
    this.#aborted.inc({ reason })
  }

  onAdmitted(): void {
    this.#admitted.inc()
  }

  onPreempted(): void {
    this.#preemptions.inc()
  }

  onGap(gapMs: number): void {
    this.#tokenGap.observe(gapMs / 1000)
  }

  onStep({ batchTokens, stepMs }: StepMessage): void {
    if (batchTokens === 0) return
    this.#batchTokens.observe(batchTokens)
    this.#stepTime.observe(stepMs / 1000)
  }

  onGenerationOver({ reason, usage, timings }: GenerationRecord): void {
    this.#finished.inc({ finished_reason: reason })
    this.#promptTokens.inc(usage.promptTokens)
    this.#generatedTokens.inc(usage.completionTokens)
    if (timings.firstTokenMs === undefined) return
    this.#cacheQueries.inc(usage.promptTokens)
    this.#cacheHits.inc(usage.cachedTokens)
    this.#firstToken.observe(timings.firstTokenMs / 1000)
    this.#endToEnd.observe(timings.totalMs / 1000)
    this.#queueTime.observe(timings.queueMs / 1000)
    this.#prefillTime.observe(timings.prefillMs / 1000)
    this.#decodeTime.observe(timings.decodeMs / 1000)
    this.#promptLength.observe(usage.promptTokens)
    this.#generationLength.observe(usage.completionTokens)
  }

  onError(code: string): void {
    this.#errors.inc({ code })
  }

  onIgnored(count: number): void {
    this.#ignored.inc(count)
  }

  #named(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    return { name: `altiplano_${name}`, help, registers: [this.#registry] }
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ ...this.#named(name, help), buckets })
  }

  #counter(name: string, help: string): Counter {
    return new Counter(this.#named(name, help))
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }

  /** The five `vllm:` names are what the Gateway API endpoint pickers read (llm-d: engine type vllm). */
  #gauges(sources: MetricSources): void {
    const { stats, waiting } = sources
    this.#gauge('vllm:num_requests_running', 'Requests that hold a slot', () => stats()?.running ?? 0)
    this.#gauge('vllm:num_requests_waiting', 'Requests that wait for a slot', waiting)
    this.#gauge(
      'vllm:kv_cache_usage_perc',
      'Cells held by running sequences, of all: 0 to 1',
      () => stats()?.kvUsage ?? 0,
    )
    this.#gauge(
      'altiplano_kv_parked_bytes',
      'Bytes of prefixes kept outside of the slots',
      () => stats()?.parkedBytes ?? 0,
    )
    this.#gauge(
      'altiplano_kv_parked_prefixes',
      'Prefixes moved out of slots since the engine started',
      () => stats()?.parked ?? 0,
    )
    this.#gauge(
      'altiplano_kv_restored_prefixes',
      'Prefixes moved back into slots since the engine started',
      () => stats()?.restored ?? 0,
    )
    this.#gauge(
      'altiplano_kv_parking_failures',
      'Moves of prefixes that failed since the engine started',
      () => stats()?.parkingFailed ?? 0,
    )
    this.#gauge('altiplano_ready', '1 when the next request would be served', () => (sources.ready() ? 1 : 0))
    this.#gauge('altiplano_trace_spans_dropped', 'Spans that were not delivered', () =>
      sources.spansDropped(),
    )
    this.#gauge(
      'altiplano_kv_event_batches_published',
      'Batches of KV events sent',
      () => sources.kvEvents().published,
    )
    this.#gauge(
      'altiplano_kv_event_batches_dropped',
      'Batches of KV events that a reader was too slow for',
      () => sources.kvEvents().dropped,
    )
    this.#gauge('altiplano_engine_restarts', 'Engine processes started anew', () => sources.restarts().engine)
    this.#gauge('altiplano_text_restarts', 'Text processes started anew', () => sources.restarts().text)
    new Gauge({
      name: 'vllm:cache_config_info',
      help: 'KV memory is not paged here: these blocks are the grain in which routers compare prefixes',
      labelNames: ['block_size', 'num_gpu_blocks'],
      registers: [this.#registry],
      collect() {
        this.reset()
        const blocks = Math.floor((sources.kvCells() ?? 0) / BLOCK_TOKENS)
        this.set({ block_size: String(BLOCK_TOKENS), num_gpu_blocks: String(blocks) }, 1)
      },
    })
    new Gauge({
      name: 'vllm:lora_requests_info',
      help: 'Adapters in use; the value is the time of reading',
      labelNames: ['max_lora', 'running_lora_adapters', 'waiting_lora_adapters'],
      registers: [this.#registry],
      collect() {
        const { running, waiting, known } = sources.adapters()
        this.reset()
        const adapters = {
          running_lora_adapters: running.join(','),
          waiting_lora_adapters: waiting.join(','),
        }
        this.set({ max_lora: String(known), ...adapters }, Date.now() / 1000)
      },
    })
  }
}
