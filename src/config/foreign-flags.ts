type Arity = 'none' | 'value' | 'list'

const flags: Record<Arity, readonly string[]> = {
  none: [
    'enable-lora',
    'enable-ssl-refresh',
    'enable-prefix-caching',
    'no-enable-prefix-caching',
    'enable-chunked-prefill',
    'enforce-eager',
    'trust-remote-code',
    'disable-log-requests',
    'disable-log-stats',
    'disable-uvicorn-access-log',
    'disable-access-log-for-endpoints',
  ],
  value: [
    'max-lora-rank',
    'max-loras',
    'max-cpu-loras',
    'otlp-traces-endpoint',
    'collect-detailed-traces',
    'ssl-ca-certs',
    'dtype',
    'task',
    'backend',
    'tokenizer',
    'tokenizer-revision',
    'model-id',
    'model-revision',
    'revision',
    'max-model-len',
    'max-length',
    'max-num-seqs',
    'max-num-batched-tokens',
    'gpu-memory-utilization',
    'tensor-parallel-size',
    'pipeline-parallel-size',
    'data-parallel-size',
    'predictor-host',
    'predictor-protocol',
    'grpc-port',
    'workers',
    'kv-transfer-config',
    'kv-events-config',
    'block-size',
    'uvicorn-log-level',
  ],
  list: ['lora-modules'],
}

/** Flags of vLLM, huggingfaceserver and KServe's controller: injected whatever the runtime is, so they warn and start goes on. */
export const foreignFlags: ReadonlyMap<string, Arity> = new Map(
  Object.entries(flags).flatMap(([arity, names]) => names.map((name) => [name, arity as Arity] as const)),
)

/** Other runtimes' names of our settings. */
export const flagAliases: Readonly<Record<string, string>> = {
  __proto__: null as never,
  'model-name': 'served-model-name',
  'model-dir': 'model',
  'http-port': 'port',
  'shutdown-timeout': 'drain-timeout',
}
