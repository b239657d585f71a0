import {
  batchBuckets,
  firstTokenBuckets,
  requestBuckets,
  tokenCountBuckets,
  tokenGapBuckets,
} from './buckets.ts'
import { MetricSet } from './metric-set.ts'

/** Every metric of one server. Who knows of an event counts it; gauges are read when they are scraped. */
export class Metrics extends MetricSet {
  // The life of a generation.
  readonly admitted = this.counter(
    'altiplano_admitted_total',
    'Requests let in; each is counted in altiplano_request_success_total when it is over',
  )
  readonly finished = this.counter(
    'altiplano_request_success_total',
    'Requests by how they ended',
    'finished_reason',
    ['stop', 'length', 'cancelled', 'error'],
  )
  readonly timeToFirstToken = this.histogram(
    'altiplano_time_to_first_token_seconds',
    'From accepted to first token',
    firstTokenBuckets,
  )
  readonly interTokenLatency = this.histogram(
    'altiplano_inter_token_latency_seconds',
    'Gap between two tokens of a generation',
    tokenGapBuckets,
  )
  readonly requestLatency = this.histogram(
    'altiplano_e2e_request_latency_seconds',
    'From accepted to end',
    requestBuckets,
  )
  readonly queueTime = this.histogram(
    'altiplano_request_queue_time_seconds',
    'From accepted to first forward pass',
    requestBuckets,
  )
  readonly prefillTime = this.histogram(
    'altiplano_request_prefill_time_seconds',
    'From first forward pass to first token',
    requestBuckets,
  )
  readonly decodeTime = this.histogram(
    'altiplano_request_decode_time_seconds',
    'From first to last token',
    requestBuckets,
  )
  readonly promptLength = this.histogram(
    'altiplano_request_prompt_tokens',
    'Prompt tokens of a request',
    tokenCountBuckets,
  )
  readonly generationLength = this.histogram(
    'altiplano_request_generation_tokens',
    'Generated tokens of a request',
    tokenCountBuckets,
  )
  readonly promptTokens = this.counter('altiplano_prompt_tokens_total', 'Prompt tokens of ended requests')
  readonly generationTokens = this.counter('altiplano_generation_tokens_total', 'Tokens generated')
  readonly prefixCacheQueries = this.counter(
    'altiplano_prefix_cache_queries_total',
    'Prompt tokens looked up in the prefix cache',
  )
  readonly prefixCacheHits = this.counter(
    'altiplano_prefix_cache_hits_total',
    'Prompt tokens found in the prefix cache',
  )
  readonly preemptions = this.counter(
    'altiplano_preemptions_total',
    'Times that a generation gave up its slot to one with a better claim, and went on later',
  )
  readonly resumed = this.counter(
    'altiplano_resumed_total',
    'Requests that lost their engine and went on with the next one',
  )
  readonly quarantined = this.counter(
    'altiplano_quarantined_total',
    'Requests that lost two engines: they failed, and are not let in again for a while',
  )

  // Answers.
  readonly errors = this.counter('altiplano_errors_total', 'Error answers by code', 'code')
  readonly aborted = this.counter(
    'altiplano_aborted_total',
    'Answers that their clients did not take to the end',
    'reason',
    ['left', 'stalled'],
  )
  readonly ignoredParameters = this.counter(
    'altiplano_ignored_parameters_total',
    'Request parameters that had no effect',
  )

  // The engine. What begins with `vllm:` is what endpoint pickers of the Gateway API read (llm-d: engine type vllm).
  readonly running = this.gauge('vllm:num_requests_running', 'Requests that hold a slot')
  readonly waiting = this.gauge('vllm:num_requests_waiting', 'Requests that wait for a slot')
  readonly kvUsage = this.gauge('vllm:kv_cache_usage_perc', 'Cells held by running sequences, of all: 0 to 1')
  readonly cacheConfig = this.gauge(
    'vllm:cache_config_info',
    'KV memory is not paged here: these blocks are the grain in which routers compare prefixes',
    ['block_size', 'num_gpu_blocks'],
  )
  readonly loraRequests = this.gauge(
    'vllm:lora_requests_info',
    'Adapters in use; the value is the time of reading',
    ['max_lora', 'running_lora_adapters', 'waiting_lora_adapters'],
  )
  readonly batchTokens = this.histogram(
    'altiplano_iteration_tokens',
    'Tokens of a forward pass',
    batchBuckets,
  )
  readonly stepTime = this.histogram(
    'altiplano_step_seconds',
    'Time of a forward pass with sampling',
    tokenGapBuckets,
  )
  readonly parkedBytes = this.gauge(
    'altiplano_kv_parked_bytes',
    'Bytes of prefixes kept outside of the slots',
  )
  readonly parkedPrefixes = this.counter('altiplano_kv_parked_prefixes_total', 'Prefixes moved out of slots')
  readonly restoredPrefixes = this.counter(
    'altiplano_kv_restored_prefixes_total',
    'Prefixes moved back into slots',
  )
  readonly parkingFailures = this.counter(
    'altiplano_kv_parking_failures_total',
    'Moves of prefixes that failed',
  )

  // The server.
  readonly ready = this.gauge('altiplano_ready', '1 when the next request would be served')
  readonly childRestarts = this.counter(
    'altiplano_child_restarts_total',
    'Processes that died or hung, and were replaced',
    'process',
    ['engine', 'text', 'long-text', 'embedding'],
  )
  readonly contradictions = this.counter(
    'altiplano_contradictions_total',
    'Times that the gateway found its own invariants broken when nothing ran: a bug',
  )
  readonly droppedSpans = this.counter('altiplano_trace_spans_dropped_total', 'Spans that were not delivered')
  readonly publishedKvEvents = this.counter(
    'altiplano_kv_event_batches_published_total',
    'Batches of KV events sent',
  )
  readonly droppedKvEvents = this.counter(
    'altiplano_kv_event_batches_dropped_total',
    'Batches of KV events that a reader was too slow for',
  )

  constructor(modelName: string) {
    super()
    this.label({ model_name: modelName })
    // The release after this one has them no more.
    this.formerly('altiplano_engine_restarts', 'altiplano_child_restarts_total', { process: ['engine'] })
    this.formerly('altiplano_text_restarts', 'altiplano_child_restarts_total', {
      process: ['text', 'long-text'],
    })
    this.formerly('altiplano_kv_parked_prefixes', 'altiplano_kv_parked_prefixes_total')
    this.formerly('altiplano_kv_restored_prefixes', 'altiplano_kv_restored_prefixes_total')
    this.formerly('altiplano_kv_parking_failures', 'altiplano_kv_parking_failures_total')
    this.formerly('altiplano_trace_spans_dropped', 'altiplano_trace_spans_dropped_total')
    this.formerly('altiplano_kv_event_batches_published', 'altiplano_kv_event_batches_published_total')
    this.formerly('altiplano_kv_event_batches_dropped', 'altiplano_kv_event_batches_dropped_total')
  }
}
