import { describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from '../../src/config/load.ts'
import { parseLoraModules } from '../../src/config/lora-modules.ts'
import { type Config, servedNames } from '../../src/config/schema.ts'

type Environment = Record<string, string>

function load(argv: string[], env: Environment = {}, files: Record<string, string> = {}) {
  return loadConfig(argv, env, (path) => {
    const text = files[path]
    if (text === undefined) throw new Error('ENOENT')
    return text
  })
}

function failure(argv: string[], env: Environment = {}, files: Record<string, string> = {}): ConfigError {
  try {
    load(argv, env, files)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('expected a ConfigError')
}

const file = (text: string) => ({ 'a.yaml': text })

describe('settings', () => {
  const cases: [string, string[], Environment, string, Partial<Config>][] = [
    ['defaults', [], {}, '', { port: 8080, host: '127.0.0.1', slots: 0, prefixCache: true, maxN: 16 }],
    ['a flag', ['serve', '--port', '9000'], {}, '', { port: 9000 }],
    ['a flag with =', ['--port=9000'], {}, '', { port: 9000 }],
    ['a value with =', ['--model=/a=b.gguf'], {}, '', { model: '/a=b.gguf' }],
    ['a negative number', ['--gpu-layers', '-1'], {}, '', { gpuLayers: -1 }],
    ['a word for a number', ['--gpu-layers', 'max'], {}, '', { gpuLayers: 10_000 }],
    ['a word for a number in a file', [], {}, 'gpuLayers: auto', { gpuLayers: -1 }],
    ['a switch', ['--strict-params', 'serve'], {}, '', { strictParams: true }],
    ['a switch with a word', ['--strict-params', 'false'], {}, '', { strictParams: false }],
    ['a negated switch', ['--no-prefix-cache'], {}, '', { prefixCache: false }],
    ['a switch with =', ['--prefix-cache=false'], {}, '', { prefixCache: false }],
    ['a switch variable', [], { ALTIPLANO_STRICT_PARAMS: '1' }, '', { strictParams: true }],
    ['underscores', ['--served_model_name', 'm'], {}, '', { servedModelName: 'm' }],
    ['--model_name', ['--model_name=m'], {}, '', { servedModelName: 'm' }],
    ['--model_dir', ['--model_dir', '/mnt/models'], {}, '', { model: '/mnt/models' }],
    ['--http_port', ['--http_port', '1'], {}, '', { port: 1 }],
    ['--shutdown-timeout', ['--shutdown-timeout=9'], {}, '', { drainTimeout: 9 }],
    [
      'a list of names',
      ['--served-model-name', 'a', 'b/c', '--port=1'],
      {},
      '',
      { servedModelName: 'a,b/c' },
    ],
    ['names before a command', ['--served-model-name', 'a', 'serve'], {}, '', { servedModelName: 'a' }],
    ['the last of repeated flags', ['--port=1', '--port', '2'], {}, '', { port: 2 }],
    ['empty arguments as nothing', ['', '--port=1', '', '--model', ''], {}, '', { port: 1 }],
    ['an empty --flag= as nothing', ['--port='], { PORT: '5' }, '', { port: 5 }],
    ['an empty variable as nothing', [], { ALTIPLANO_PORT: '', PORT: '5' }, '', { port: 5 }],
    ['PORT below ALTIPLANO_PORT', [], { ALTIPLANO_PORT: '4', PORT: '5' }, '', { port: 4 }],
    ['a Kubernetes service link as nothing', [], { ALTIPLANO_PORT: 'tcp://10.0.0.1:80' }, '', { port: 8080 }],
    ['MODEL_INIT_MODE of KServe', [], { MODEL_INIT_MODE: 'async' }, '', { waitForModel: 600 }],
    [
      '--wait-for-model before it',
      ['--wait-for-model=0'],
      { MODEL_INIT_MODE: 'async' },
      '',
      { waitForModel: 0 },
    ],
    ['HF_ENDPOINT', [], { HF_ENDPOINT: 'http://hub.test' }, '', { hfEndpoint: 'http://hub.test' }],
    ['the cache of XDG', [], { XDG_CACHE_HOME: '/x', HOME: '/h' }, '', { modelCache: '/x/altiplano' }],
    ['the cache of HOME', [], { HOME: '/h' }, '', { modelCache: '/h/.cache/altiplano' }],
    [
      'flag over variable over file',
      ['--port=1'],
      { ALTIPLANO_PORT: '2', ALTIPLANO_SLOTS: '3' },
      'port: 4\nslots: 5\nmaxN: 6',
      { port: 1, slots: 3, maxN: 6 },
    ],
    [
      'kebab keys in a file',
      [],
      {},
      'max-queue: 7\nprefix_cache: false',
      { maxQueue: 7, prefixCache: false },
    ],
    ['a JSON file', [], {}, '{"port": 7, "model": "m.gguf"}', { port: 7, model: 'm.gguf' }],
    ['null in a file as nothing', [], {}, 'port:', { port: 8080 }],
  ]
  it.each(cases)('loadConfig reads %s', (_, argv, env, text, expected) => {
    const all = text === '' ? argv : [...argv, '--config', 'a.yaml']
    expect(load(all, env, file(text)).config).toMatchObject(expected)
  })

  it('loadConfig leaves a setting that was not given unset', () => {
    const { config } = load(['--model', ''])
    expect(config).not.toHaveProperty('model')
    expect(config).not.toHaveProperty('servedModelName')
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('loadConfig reads the file that a variable names', () => {
    expect(load([], { ALTIPLANO_CONFIG: 'a.yaml' }, file('port: 3')).config.port).toBe(3)
  })

  it('loadConfig takes a temporary folder as the cache without HOME', () => {
    expect(load([]).config.modelCache).toMatch(/^\/.*altiplano$/)
  })

  it('loadConfig reads the trace collector that KServe sets, without a warning', () => {
    const { config, warnings } = load([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318',
      OTEL_SERVICE_NAME: 'm',
    })
    expect([config.otlpEndpoint, warnings]).toEqual(['http://c:4318', []])
  })
})

describe('commands', () => {
  const cases: [string[], string, string | undefined][] = [
    [[], 'serve', undefined],
    [['serve'], 'serve', undefined],
    [['--port=1', 'serve'], 'serve', undefined],
    [['inspect', 'a.gguf'], 'inspect', 'a.gguf'],
    [['help'], 'help', undefined],
    [['serve', '--help'], 'help', undefined],
    [['-h'], 'help', undefined],
    [['--version'], 'version', undefined],
  ]
  it.each(cases)('the arguments %j choose their command', (argv, command, target) => {
    expect(load(argv)).toMatchObject({ command, file: target })
  })

  it('the help command works whatever the environment holds', () => {
    expect(load(['--help'], { ALTIPLANO_PORT: 'x' }).command).toBe('help')
  })
})

describe('the chat template', () => {
  it.each([
    ['vLLM', ['--chat-template', 'a.jinja', '--default-chat-template-kwargs={"a": 1}']],
    ['llama-server', ['--chat-template-file', 'a.jinja', '--chat-template-kwargs', '{"a": 1}']],
  ])('a chat template is given as for %s', (_name, argv) => {
    const { config, warnings } = load(argv)
    expect(config).toMatchObject({ chatTemplate: 'a.jinja', chatTemplateKwargs: '{"a": 1}' })
    expect(warnings).toEqual([])
  })
})

describe('flags of other runtimes', () => {
  const cases: [string[], number][] = [
    [['--enable-lora', '--max-lora-rank=8', '--max_loras', '2'], 3],
    [
      ['--enable-lora', '--max-lora-rank=8', '--lora-modules', `'{"name":"a","path":"/mnt/a"}'`, 'b=/mnt/b'],
      2,
    ],
    [['--otlp-traces-endpoint', 'http://c:4317', '--collect-detailed-traces', 'all'], 2],
    [['--dtype', 'auto', '--gpu-memory-utilization=0.9', '--trust-remote-code'], 3],
    [['--max_model_len'], 1],
    [['--reasoning-parser', 'qwen3', '--enable-auto-tool-choice', '--tool-call-parser', 'hermes'], 3],
    [['--no-enable-chunked-prefill', '--no-async-scheduling'], 2],
    [['--logits-processors', 'a', 'b', '--kv-cache-dtype=fp8'], 2],
    [['--tensor-parallel-size', '2', '--pipeline-parallel-size=1', '--data-parallel-size', '1'], 3],
    [['--kv-transfer-config', ''], 1],
  ]
  it.each(cases)('flags of other runtimes warn: %j', (argv, count) => {
    const { config, warnings, command } = load([...argv, '--port', '7', 'serve'])
    expect(warnings).toHaveLength(count)
    expect(warnings[0]).toContain(argv[0])
    expect({ port: config.port, command }).toEqual({ port: 7, command: 'serve' })
  })

  it('a misspelt variable is named in a warning', () => {
    const { warnings } = load([], { ALTIPLANO_SLOT: '4', ALTIPLANO_PORT_80_TCP: 'x', OTHER: 'y' })
    expect(warnings).toEqual(['Unknown variable ALTIPLANO_SLOT was ignored. Did you mean ALTIPLANO_SLOTS?'])
  })
})

describe('refused settings', () => {
  const cases: [string, string[], Environment, string, string][] = [
    ['a misspelt flag', ['--modle', 'x'], {}, '', 'Unknown flag --modle. Did you mean --model?'],
    ['a strange flag', ['--zzzzzzzzzz'], {}, '', 'Unknown flag --zzzzzzzzzz. See --help.'],
    ['an object key', ['--constructor'], {}, '', 'Unknown flag --constructor'],
    ['__proto__', ['--__proto__'], {}, '', 'Unknown flag --__proto__'],
    ['a short flag', ['-x'], {}, '', 'Unknown flag -x'],
    ['--no- of a number', ['--no-port'], {}, '', 'Unknown flag --no-port'],
    ['a missing value', ['--port'], {}, '', '--port needs a value.'],
    ['a flag as value', ['--model', '--port'], {}, '', '--model needs a value.'],
    ['a bare file', ['a.gguf'], {}, '', "Unknown command 'a.gguf'. A model is given with --model."],
    ['a misspelt command', ['sevre'], {}, '', 'Did you mean serve?'],
    ['a second positional', ['serve', 'a.gguf'], {}, '', "Unexpected argument 'a.gguf'."],
    ['inspect of nothing', ['inspect'], {}, '', 'inspect needs a FILE.'],
    [
      'a port too high',
      ['--port=70000'],
      {},
      '',
      "--port: '70000' is not allowed; expected an integer from 0 to 65535.",
    ],
    [
      'a fraction',
      ['--slots=1.5'],
      {},
      '',
      "--slots: '1.5' is not allowed; expected an integer from 0 to 256.",
    ],
    [
      'a key on the command line',
      ['--api-key', 'sk-1'],
      {},
      '',
      '--api-key is not supported. Keys are given in a file: --api-keys FILE.',
    ],
    ['pipeline parallelism', ['--pipeline-parallel-size', '2'], {}, '', 'one server holds the whole model'],
    [
      'data parallelism',
      ['--data_parallel_size=2'],
      {},
      '',
      '--data_parallel_size is not supported: one server',
    ],
    ['a worker', ['--headless', '--node-rank=1'], {}, '', '--headless is not supported: one server'],
    [
      'prefill apart',
      ['--kv-transfer-config', `'{"kv_role":"kv_producer"}'`],
      {},
      '',
      'Use replicas instead.',
    ],
    ['hexadecimal', ['--slots=0x10'], {}, '', "--slots: '0x10'"],
    ['a bad variable', [], { ALTIPLANO_SLOTS: 'many' }, '', "ALTIPLANO_SLOTS: 'many'"],
    ['a bad PORT', [], { PORT: 'x' }, '', "PORT: 'x'"],
    ['a bad switch', ['--prefix-cache=maybe'], {}, '', "'maybe' is not allowed; expected true or false."],
    ['a bad choice', ['--kv-cache-type=q9'], {}, '', 'expected one of f32, f16'],
    ['a bad URL', ['--hf-endpoint=hub'], {}, '', 'expected an http:// or https:// URL'],
    ['a bad key', ['--config=a.yaml'], {}, 'slosts: 3', "a.yaml: unknown key 'slosts'. Did you mean slots?"],
    ['config in a file', ['--config=a.yaml'], {}, 'config: b.yaml', "unknown key 'config'"],
    ['a bad value in a file', ['--config=a.yaml'], {}, 'slots: [1]', "a.yaml: slots: '[1]' is not allowed"],
    ['a list as file', ['--config=a.yaml'], {}, '- 1', 'expected settings as'],
    ['an unparsable file', ['--config=a.yaml'], {}, 'port: 1\nslots: [', 'a.yaml, line 2'],
    ['a duplicate key', ['--config=a.yaml'], {}, 'port: 1\nport: 2', 'a.yaml, line 2'],
    [
      'an alias bomb',
      ['--config=a.yaml'],
      {},
      'a: &a [1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]',
      'a.yaml',
    ],
    ['a missing file', ['--config=b.yaml'], {}, '', '--config: cannot read b.yaml: ENOENT'],
  ]
  it.each(cases)('loadConfig refuses %s', (_, argv, env, text, message) => {
    const error = failure(argv, env, file(text))
    expect(error.message).toContain(message)
    expect(error.exitCode).toBe(2)
  })

  it('loadConfig reports all problems at once', () => {
    const { message } = failure(['--port=x', '--slots=-1'], { ALTIPLANO_MAX_N: '129' })
    expect(message.split('\n')).toHaveLength(3)
  })
})

it('servedNames splits, trims and falls back', () => {
  const { config } = load(['--served-model-name', ' a, b,,a'])
  expect(servedNames(config.servedModelName, 'x')).toEqual(['a', 'b'])
  expect(servedNames(load([]).config.servedModelName, 'x')).toEqual(['x'])
})

describe('parseLoraModules', () => {
  it.each([
    ['a=/m/a.gguf', [{ name: 'a', path: '/m/a.gguf' }]],
    [
      'a=/m/a b=/m/b',
      [
        { name: 'a', path: '/m/a' },
        { name: 'b', path: '/m/b' },
      ],
    ],
    [
      `'{"name":"a","path":"/m/a"}'\n{"name":"p/b","path":"/m/b"}`,
      [
        { name: 'a', path: '/m/a' },
        { name: 'p/b', path: '/m/b' },
      ],
    ],
    ['"a=/m/a=1"', [{ name: 'a', path: '/m/a=1' }]],
    ['', []],
  ])('parseLoraModules reads %j', (text, expected) => {
    expect(parseLoraModules(text)).toEqual(expected)
  })

  it.each(['a', '=x', 'a=', '{"name":"a"}', '{"name":1,"path":"x"}', '{', 'a=1 a=2'])(
    'parseLoraModules refuses %j',
    (text) => {
      expect(() => parseLoraModules(text)).toThrow(ConfigError)
    },
  )
})
