import { ENDPOINT } from './kv-events-endpoint.ts'

export const groups = ['Model', 'Server', 'Engine', 'Limits', 'Downloads', 'Other'] as const

/** One setting: validation, help text and docs derive from it. */
export interface SettingSchema {
  readonly type: 'string' | 'integer' | 'boolean'
  /** Whether the setting may have no value. */
  readonly optional?: true
  readonly group: (typeof groups)[number]
  readonly description: string
  readonly default?: unknown
  /** Shown where the default is worked out at start. */
  readonly defaultText?: string
  /** A conventional variable honoured below ALTIPLANO_…. */
  readonly alsoEnv?: string
  readonly minimum?: number
  /** Words that stand for numbers. */
  readonly words?: Readonly<Record<string, number>>
  readonly maximum?: number
  readonly minLength?: number
  readonly pattern?: string
  /** The `pattern` in words. */
  readonly shape?: string
  readonly enum?: readonly string[]
  /** Separator of the words that the setting takes; absent: it takes one. */
  readonly list?: ',' | '\n'
}

const WEB_ADDRESS = { pattern: '^https?://[^\\s]+$', shape: 'an http:// or https:// URL' } as const
const ENDPOINTS = { pattern: ENDPOINT, shape: 'tcp://HOST:PORT or tcp://*:PORT' } as const

const cacheTypes = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'iq4_nl', 'q4_1', 'q4_0'] as const
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** The one description of every setting: types, defaults, flags, variables, help and docs derive from it. */
const schemas = {
  model: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: 'the built-in model',
    description: 'GGUF file, directory that holds one, or hf:OWNER/REPO:QUANT to download.',
  },
  servedModelName: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    list: ',',
    defaultText: "the model's name",
    description: 'Name clients ask for; a comma-separated list gives aliases.',
  },
  waitForModel: {
    type: 'integer',
    group: 'Model',
    default: 0,
    minimum: 0,
    maximum: 86_400,
    description:
      'Seconds to wait, as not ready, for a model whose files are missing or incomplete. 600 where MODEL_INIT_MODE is async (KServe).',
  },
  chatTemplate: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: "the model's own",
    description:
      "Jinja file that chats are rendered by, instead of the model's own template; or the template itself.",
  },
  chatTemplateKwargs: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: 'none',
    description:
      'Variables of the chat template, as a JSON object: {"enable_thinking": false}. What a request says of them wins.',
  },
  loraModules: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    list: '\n',
    defaultText: 'none',
    description:
      'LoRA adapters, which clients name as models: NAME=PATH of a GGUF file or its folder, or {"name": "...", "path": "..."}; several words.',
  },
  loraDir: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: 'none: adapters do not change',
    description:
      'Folder from which /v1/load_lora_adapter may load adapters; with --api-keys, for a key that has admin: true only.',
  },
  embeddingModel: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: 'none',
    description: 'Model for /v1/embeddings, beside the one that generates; given like --model.',
  },
  embeddingModelName: {
    type: 'string',
    optional: true,
    group: 'Model',
    minLength: 1,
    defaultText: "the embedding model's name",
    description: 'Name clients ask for embeddings with; a comma-separated list gives aliases.',
  },
  embeddingContextSize: {
    type: 'integer',
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 131_072,
    defaultText: "0 (the embedding model's trained context, at most 2048)",
    description: 'Tokens of the longest input to embed.',
  },
  host: {
    type: 'string',
    group: 'Server',
    minLength: 1,
    default: '127.0.0.1',
    pattern: '^(?!unix:$)',
    shape: 'an address, or unix:PATH',
    description: 'Address to listen on, or unix:PATH for a Unix socket, which has no port.',
  },
  port: {
    type: 'integer',
    group: 'Server',
    default: 8080,
    minimum: 0,
    maximum: 65535,
    alsoEnv: 'PORT',
    description: 'Port to listen on; 0 picks a free one.',
  },
  allowedOrigins: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    list: ',',
    defaultText: 'none: no web page is let in',
    description:
      'Origins of web pages that may call the server from a browser (CORS), as a comma-separated list or a JSON array; * is any, which needs --api-keys or --allow-unauthenticated.',
  },
  adminPort: {
    type: 'integer',
    optional: true,
    group: 'Server',
    minimum: 0,
    maximum: 65535,
    defaultText: 'none: nothing is administrated',
    description: 'Port for administrators: log level, reading the keys again, drain. 0 picks a free one.',
  },
  adminHost: {
    type: 'string',
    group: 'Server',
    minLength: 1,
    default: '127.0.0.1',
    description: 'Address of the admin port; any but a loopback address needs --api-keys.',
  },
  apiKeys: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    defaultText: 'none: everyone is let in',
    description: 'YAML or JSON file of API keys; read again when it changes.',
  },
  allowUnauthenticated: {
    type: 'boolean',
    group: 'Server',
    default: false,
    description: 'Listen on an address that others can reach without --api-keys, and accept any Host header.',
  },
  sslCertfile: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    defaultText: 'none: plain HTTP',
    description: 'Certificate chain in PEM, for HTTPS; read again when it changes. With --ssl-keyfile.',
  },
  sslKeyfile: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    defaultText: 'none',
    description: 'Private key of the certificate, in PEM.',
  },
  sslCaCerts: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    defaultText: 'none: clients need no certificate',
    description:
      'Certificates in PEM of the authorities that sign certificates of clients. With --ssl-cert-reqs.',
  },
  sslCertReqs: {
    type: 'integer',
    group: 'Server',
    default: 0,
    minimum: 0,
    maximum: 2,
    description: 'Certificates of clients: 0 not requested, 1 verified where there is one, 2 required.',
  },
  drainTimeout: {
    type: 'integer',
    group: 'Server',
    default: 25,
    minimum: 0,
    maximum: 3600,
    description: 'Seconds that running requests get to finish after SIGTERM.',
  },
  shutdownDelay: {
    type: 'integer',
    group: 'Server',
    default: 0,
    minimum: 0,
    maximum: 600,
    description:
      'Seconds after SIGTERM in which new requests are still taken while the server reports not ready, where no preStop hook waits.',
  },
  heartbeatInterval: {
    type: 'integer',
    group: 'Server',
    default: 10,
    minimum: 1,
    maximum: 3600,
    description: 'Seconds between keep-alive comments on a silent stream.',
  },
  paddingAfter: {
    type: 'integer',
    group: 'Server',
    default: 240,
    minimum: 0,
    maximum: 86_400,
    description:
      'Seconds after which an answer that is not streamed begins with spaces, so that no proxy times out; 0: never. From then on its status is 200, and a failure cuts it off.',
  },
  strictParams: {
    type: 'boolean',
    group: 'Server',
    default: false,
    description: 'Refuse unknown request fields instead of naming them in x-ignored-params.',
  },
  controlTokenIds: {
    type: 'boolean',
    group: 'Server',
    default: false,
    description: 'Let prompts of token ids hold control tokens anywhere; else only as the first token.',
  },
  kvEventsEndpoint: {
    type: 'string',
    optional: true,
    group: 'Server',
    ...ENDPOINTS,
    defaultText: 'none: no events',
    description:
      "Where the server publishes which blocks of tokens are in the KV cache (vLLM's KV events, over ZeroMQ): tcp://*:5557 listens for routers, tcp://HOST:5557 dials one, @tcp://ADDRESS:5557 listens on one address.",
  },
  kvEventsReplayEndpoint: {
    type: 'string',
    optional: true,
    group: 'Server',
    ...ENDPOINTS,
    defaultText: 'none',
    description: 'Where routers ask for events that they have missed; listens.',
  },
  kvEventsTopic: {
    type: 'string',
    optional: true,
    group: 'Server',
    minLength: 1,
    defaultText: 'kv@POD_IP:PORT@MODEL',
    description: 'Topic of the events, by which a router knows the server.',
  },
  kvEventsBlockSize: {
    type: 'integer',
    group: 'Server',
    default: 64,
    minimum: 8,
    maximum: 4096,
    description: "Tokens of a block in the events: the router's blockSize.",
  },
  slots: {
    type: 'integer',
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 256,
    defaultText: '0 (4, or as many as memory has room for)',
    description: 'Sequences that run at once.',
  },
  contextSize: {
    type: 'integer',
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 1_048_576,
    defaultText: "0 (the model's trained context, at most 4096, less where memory is short)",
    description: 'Tokens of context of each slot.',
  },
  batchSize: {
    type: 'integer',
    group: 'Engine',
    default: 512,
    minimum: 1,
    maximum: 16_384,
    description: 'Tokens evaluated in one step.',
  },
  threads: {
    type: 'integer',
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 1024,
    defaultText: '0 (the cores that are free)',
    description: 'CPU threads of a pass at most; streams get fewer where that is measured to be faster.',
  },
  gpuLayers: {
    type: 'integer',
    group: 'Engine',
    default: -1,
    minimum: -1,
    maximum: 10_000,
    defaultText: 'auto (as many as fit)',
    words: { auto: -1, max: 10_000 },
    description: 'Layers placed on the GPU; 0 keeps the model on the CPU.',
  },
  kvCacheType: {
    type: 'string',
    enum: cacheTypes,
    group: 'Engine',
    default: 'f16',
    description: 'Number format of the KV cache.',
  },
  flashAttention: {
    type: 'string',
    enum: ['auto', 'on', 'off'],
    group: 'Engine',
    default: 'auto',
    description:
      "llama.cpp's fused attention. Without it streams with long contexts are faster on a CPU, short ones and prompts slower (docs/performance.md); a KV cache of less than 16 bits needs it.",
  },
  prefixCache: {
    type: 'boolean',
    group: 'Engine',
    default: true,
    description: 'Reuse the KV cache of a shared prompt prefix.',
  },
  kvCacheRam: {
    type: 'integer',
    group: 'Engine',
    default: -1,
    minimum: -1,
    maximum: 16_777_216,
    defaultText: '-1 (a tenth of the memory)',
    description:
      'MiB of /dev/shm, or of --kv-cache-dir, for prefixes that had to leave their slots; 0: none.',
  },
  kvCacheDir: {
    type: 'string',
    optional: true,
    group: 'Engine',
    minLength: 1,
    description: 'Directory for those prefixes instead of /dev/shm; they are kept when the server stops.',
  },
  promptLookup: {
    type: 'boolean',
    group: 'Engine',
    default: false,
    description:
      'Speculative decoding from the text so far, for requests that do not choose (prompt_lookup, prediction).',
  },
  itlTargetMs: {
    type: 'integer',
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 60_000,
    description:
      'Milliseconds between two tokens of a stream at most while prompts arrive; 0: seven times those of a full server without prompts, and at least 50.',
  },
  maxQueue: {
    type: 'integer',
    group: 'Limits',
    default: 64,
    minimum: 0,
    maximum: 100_000,
    description: 'Requests that may wait for a slot; more are answered 503.',
  },
  maxQueuedTokens: {
    type: 'integer',
    group: 'Limits',
    default: 0,
    minimum: 0,
    maximum: 1_000_000_000,
    defaultText: '0 (no limit)',
    description: 'Prompt tokens that may wait for a slot, all together; more are answered 503.',
  },
  maxQueuedBytes: {
    type: 'integer',
    group: 'Limits',
    default: 268_435_456,
    minimum: 1024,
    maximum: 1_099_511_627_776,
    description: 'Bytes of request bodies that are held at once; more are answered 503.',
  },
  queueTimeout: {
    type: 'integer',
    group: 'Limits',
    default: 0,
    minimum: 0,
    maximum: 86_400,
    defaultText: '0 (no limit)',
    description: 'Seconds that a request may wait for a slot.',
  },
  firstTokenTimeout: {
    type: 'integer',
    group: 'Limits',
    default: 0,
    minimum: 0,
    maximum: 86_400,
    defaultText: '0 (no limit)',
    description: 'Seconds until the first token of an answer.',
  },
  totalTimeout: {
    type: 'integer',
    group: 'Limits',
    default: 0,
    minimum: 0,
    maximum: 86_400,
    defaultText: '0 (no limit)',
    description: 'Seconds that an answer may take, the time in the queue included.',
  },
  receiveTimeout: {
    type: 'integer',
    group: 'Limits',
    default: 120,
    minimum: 1,
    maximum: 86_400,
    description: 'Seconds in which a request has to arrive; its headers have 30 of them at most.',
  },
  stallTimeout: {
    type: 'integer',
    group: 'Limits',
    default: 30,
    minimum: 1,
    maximum: 86_400,
    description: 'Seconds after which a stream is cut off when the client has stopped reading.',
  },
  maxBodyBytes: {
    type: 'integer',
    group: 'Limits',
    default: 33_554_432,
    minimum: 1024,
    maximum: 1_073_741_824,
    description: 'Largest request body, in bytes.',
  },
  maxN: {
    type: 'integer',
    group: 'Limits',
    default: 16,
    minimum: 1,
    maximum: 128,
    description: 'Largest `n` of one request.',
  },
  modelCache: {
    type: 'string',
    group: 'Downloads',
    minLength: 1,
    defaultText: '~/.cache/altiplano',
    description: 'Directory that keeps downloaded models.',
  },
  hfEndpoint: {
    type: 'string',
    group: 'Downloads',
    default: 'https://huggingface.co',
    ...WEB_ADDRESS,
    alsoEnv: 'HF_ENDPOINT',
    description: 'Hub that hf: models come from (http:// or https://); HF_TOKEN authenticates.',
  },
  otlpEndpoint: {
    type: 'string',
    optional: true,
    group: 'Other',
    ...WEB_ADDRESS,
    alsoEnv: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    defaultText: 'no traces',
    description:
      'OpenTelemetry collector that traces are sent to, as JSON over HTTP (http:// or https://, without /v1/traces).',
  },
  logLevel: {
    type: 'string',
    enum: logLevels,
    group: 'Other',
    default: 'info',
    description: 'Least severe log lines to print.',
  },
  config: {
    type: 'string',
    optional: true,
    group: 'Other',
    minLength: 1,
    defaultText: 'none',
    description: 'YAML or JSON file with any of these settings, by their file key.',
  },
} as const satisfies Record<string, SettingSchema>

type Schemas = typeof schemas
export type SettingName = keyof Schemas
type OptionalName = {
  [Name in SettingName]: Schemas[Name] extends { optional: true } ? Name : never
}[SettingName]

type ValueOf<Schema> = Schema extends { enum: readonly (infer Choice)[] }
  ? Choice
  : Schema extends { type: 'boolean' }
    ? boolean
    : Schema extends { type: 'integer' }
      ? number
      : string

/** Every setting's value; those without one are absent. */
export type Config = { readonly [Name in Exclude<SettingName, OptionalName>]: ValueOf<Schemas[Name]> } & {
  readonly [Name in OptionalName]?: ValueOf<Schemas[Name]>
}

export interface Setting {
  readonly name: SettingName
  /** Without the leading dashes. */
  readonly flag: string
  /** Strongest first. */
  readonly variables: readonly string[]
  readonly schema: SettingSchema
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function setting([name, schema]: [string, SettingSchema]): Setting {
  const flag = kebab(name)
  const own = `ALTIPLANO_${flag.replaceAll('-', '_').toUpperCase()}`
  return {
    name: name as SettingName,
    flag,
    variables: schema.alsoEnv === undefined ? [own] : [own, schema.alsoEnv],
    schema,
  }
}

/** The settings in schema order. */
export const settings: readonly Setting[] = Object.entries<SettingSchema>(schemas).map(setting)

/** The names clients may use, first the canonical one. */
export function servedNames(given: string | undefined, fallback: string): [string, ...string[]] {
  const names = (given ?? '').split(',').map((name) => name.trim())
  const [first = fallback, ...aliases] = new Set(names.filter((name) => name !== ''))
  return [first, ...aliases]
}
