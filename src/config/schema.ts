import Type, { type Static } from 'typebox'

export const groups = ['Model', 'Server', 'Engine', 'Limits', 'Downloads', 'Other'] as const

/** What a property of the schema carries besides its type: docs, help text and validation derive from it. */
export interface SettingSchema {
  readonly type?: string
  readonly group: (typeof groups)[number]
  readonly description: string
  readonly default?: unknown
  /** Shown where the default is worked out at start. */
  readonly defaultText?: string
  /** A conventional variable honoured below ALTIPLANO_…. */
  readonly alsoEnv?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly pattern?: string
  readonly enum?: readonly string[]
}

const cacheTypes = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'iq4_nl', 'q4_1', 'q4_0'] as const
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** The one description of every setting: types, defaults, flags, variables, help and docs derive from it. */
export const ConfigSchema = Type.Object({
  model: Type.Optional(
    Type.String({
      group: 'Model',
      minLength: 1,
      defaultText: 'the built-in model',
      description: 'GGUF file, directory that holds one, or hf:OWNER/REPO:QUANT to download.',
    }),
  ),
  servedModelName: Type.Optional(
    Type.String({
      group: 'Model',
      minLength: 1,
      defaultText: "the model's name",
      description: 'Name clients ask for; a comma-separated list gives aliases.',
    }),
  ),
  embeddingModel: Type.Optional(
    Type.String({
      group: 'Model',
      minLength: 1,
      defaultText: 'none',
      description: 'Model for /v1/embeddings, beside the one that generates; given like --model.',
    }),
  ),
  embeddingModelName: Type.Optional(
    Type.String({
      group: 'Model',
      minLength: 1,
      defaultText: "the embedding model's name",
      description: 'Name clients ask for embeddings with; a comma-separated list gives aliases.',
    }),
  ),
  embeddingContextSize: Type.Integer({
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 131_072,
    defaultText: "0 (the embedding model's trained context, at most 2048)",
    description: 'Tokens of the longest input to embed.',
  }),
  host: Type.String({
    group: 'Server',
    minLength: 1,
    default: '127.0.0.1',
    description: 'Address to listen on.',
  }),
  port: Type.Integer({
    group: 'Server',
    default: 8080,
    minimum: 0,
    maximum: 65535,
    alsoEnv: 'PORT',
    description: 'Port to listen on; 0 picks a free one.',
  }),
  apiKeys: Type.Optional(
    Type.String({
      group: 'Server',
      minLength: 1,
      defaultText: 'none: everyone is let in',
      description: 'YAML or JSON file of the API keys that are let in; read again when it changes.',
    }),
  ),
  allowUnauthenticated: Type.Boolean({
    group: 'Server',
    default: false,
    description: 'Listen on an address that others can reach without --api-keys.',
  }),
  sslCertfile: Type.Optional(
    Type.String({
      group: 'Server',
      minLength: 1,
      defaultText: 'none: plain HTTP',
      description: 'Certificate chain in PEM, for HTTPS; read again when it changes. With --ssl-keyfile.',
    }),
  ),
  sslKeyfile: Type.Optional(
    Type.String({
      group: 'Server',
      minLength: 1,
      defaultText: 'none',
      description: 'Private key of the certificate, in PEM.',
    }),
  ),
  drainTimeout: Type.Integer({
    group: 'Server',
    default: 25,
    minimum: 0,
    maximum: 3600,
    description: 'Seconds that running requests get to finish after SIGTERM.',
  }),
  heartbeatInterval: Type.Integer({
    group: 'Server',
    default: 10,
    minimum: 1,
    maximum: 3600,
    description: 'Seconds between keep-alive comments on a silent stream.',
  }),
  strictParams: Type.Boolean({
    group: 'Server',
    default: false,
    description: 'Refuse unknown request fields instead of naming them in x-ignored-params.',
  }),
  controlTokenIds: Type.Boolean({
    group: 'Server',
    default: false,
    description: 'Let prompts of token ids hold control tokens anywhere; else only as the first token.',
  }),
  slots: Type.Integer({
    group: 'Engine',
    default: 4,
    minimum: 1,
    maximum: 256,
    description: 'Sequences that run at once.',
  }),
  contextSize: Type.Integer({
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 1_048_576,
    defaultText: "0 (the model's trained context, at most 4096)",
    description: 'Tokens of context of each slot.',
  }),
  batchSize: Type.Integer({
    group: 'Engine',
    default: 512,
    minimum: 1,
    maximum: 16_384,
    description: 'Tokens evaluated in one step.',
  }),
  threads: Type.Integer({
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 1024,
    defaultText: '0 (up to the cores that are free, by measurement)',
    description: 'CPU threads of the engine.',
  }),
  gpuLayers: Type.Integer({
    group: 'Engine',
    default: -1,
    minimum: -1,
    maximum: 10_000,
    defaultText: '-1 (as many as fit)',
    description: 'Layers placed on the GPU; 0 keeps the model on the CPU.',
  }),
  kvCacheType: Type.Enum([...cacheTypes], {
    group: 'Engine',
    default: 'f16',
    description: 'Number format of the KV cache.',
  }),
  prefixCache: Type.Boolean({
    group: 'Engine',
    default: true,
    description: 'Reuse the KV cache of a shared prompt prefix.',
  }),
  kvCacheRam: Type.Integer({
    group: 'Engine',
    default: -1,
    minimum: -1,
    maximum: 16_777_216,
    defaultText: '-1 (a tenth of the memory)',
    description:
      'MiB of /dev/shm, or of --kv-cache-dir, for prefixes that had to leave their slots; 0: none.',
  }),
  kvCacheDir: Type.Optional(
    Type.String({
      group: 'Engine',
      minLength: 1,
      description: 'Directory for those prefixes instead of /dev/shm; they are kept when the server stops.',
    }),
  ),
  promptLookup: Type.Boolean({
    group: 'Engine',
    default: false,
    description:
      'Guess tokens ahead from the text so far, where a request does not say (prompt_lookup, prediction).',
  }),
  itlTargetMs: Type.Integer({
    group: 'Engine',
    default: 0,
    minimum: 0,
    maximum: 60_000,
    description:
      'Longest milliseconds between two tokens of a stream while prompts arrive; 0: four times that of a full server without.',
  }),
  maxQueue: Type.Integer({
    group: 'Limits',
    default: 64,
    minimum: 0,
    maximum: 100_000,
    description: 'Requests that may wait for a slot; more are answered 503.',
  }),
  maxBodyBytes: Type.Integer({
    group: 'Limits',
    default: 33_554_432,
    minimum: 1024,
    maximum: 1_073_741_824,
    description: 'Largest request body, in bytes.',
  }),
  maxN: Type.Integer({
    group: 'Limits',
    default: 16,
    minimum: 1,
    maximum: 128,
    description: 'Largest `n` of one request.',
  }),
  modelCache: Type.String({
    group: 'Downloads',
    minLength: 1,
    defaultText: '~/.cache/altiplano',
    description: 'Directory that keeps downloaded models.',
  }),
  hfEndpoint: Type.String({
    group: 'Downloads',
    default: 'https://huggingface.co',
    pattern: '^https?://[^\\s]+$',
    alsoEnv: 'HF_ENDPOINT',
    description: 'Hub that hf: models come from (http:// or https://); HF_TOKEN authenticates.',
  }),
  logLevel: Type.Enum([...logLevels], {
    group: 'Other',
    default: 'info',
    description: 'Least severe log lines to print.',
  }),
  config: Type.Optional(
    Type.String({
      group: 'Other',
      minLength: 1,
      defaultText: 'none',
      description: 'YAML or JSON file with any of these settings, by their file key.',
    }),
  ),
})

export type Config = Readonly<Static<typeof ConfigSchema>>
export type SettingName = keyof Config

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
export const settings: readonly Setting[] = Object.entries(
  ConfigSchema.properties as unknown as Record<string, SettingSchema>,
).map(setting)

/** The names clients may use, first the canonical one. */
export function servedNames(given: string | undefined, fallback: string): [string, ...string[]] {
  const names = (given ?? '').split(',').map((name) => name.trim())
  const [first = fallback, ...aliases] = new Set(names.filter((name) => name !== ''))
  return [first, ...aliases]
}
