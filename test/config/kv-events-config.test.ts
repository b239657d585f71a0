import { expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'

const load = (...flags: string[]) => loadConfig(['serve', ...flags], {})
const json = (config: object): string => JSON.stringify({ enable_kv_cache_events: true, ...config })

it("vLLM's --kv-events-config sets its fields, and vLLM's default endpoint", () => {
  const { config, warnings } = load(
    '--kv-events-config',
    json({
      publisher: 'zmq',
      endpoint: 'tcp://epp:5557',
      replay_endpoint: 'tcp://*:5558',
      topic: 'kv@ip@m',
      hwm: 9,
    }),
    '--block-size=16',
  )
  expect(warnings).toEqual([])
  expect(config).toMatchObject({
    kvEventsEndpoint: 'tcp://epp:5557',
    kvEventsReplayEndpoint: 'tcp://*:5558',
    kvEventsTopic: 'kv@ip@m',
    kvEventsBlockSize: 16,
  })
  expect(load(`--kv_events_config=${json({})}`).config).toMatchObject({ kvEventsEndpoint: 'tcp://*:5557' })
})

it.each([json({ publisher: 'null' }), '{"publisher":"zmq","endpoint":"tcp://*:5557"}'])(
  '--kv-events-config %s turns KV events off',
  (text) => {
    expect(load('--kv-events-config', text).config).not.toHaveProperty('kvEventsEndpoint')
  },
)

it.each([
  ['not JSON', 'must be a JSON object'],
  ['[]', 'must be a JSON object'],
  [json({ publisher: 'kafka' }), 'zmq is the only supported publisher'],
  [json({ endpoint: 5557 }), 'endpoint must be a string'],
  [json({ endpoint: 'ipc:///tmp/x' }), '--kv-events-endpoint: .* expected tcp://HOST:PORT'],
])('--kv-events-config %s is refused', (text, problem) => {
  expect(() => load('--kv-events-config', text)).toThrow(new RegExp(problem))
})

it('the last one of an endpoint flag and --kv-events-config wins', () => {
  const flag = '--kv-events-endpoint=tcp://a:1'
  const other = `--kv-events-config=${json({ endpoint: 'tcp://b:2' })}`
  expect(load(flag, other).config.kvEventsEndpoint).toBe('tcp://b:2')
  expect(load(other, flag).config.kvEventsEndpoint).toBe('tcp://a:1')
})

it('an endpoint in a variable is not mistaken for a link to a Service', () => {
  const env = { ALTIPLANO_KV_EVENTS_ENDPOINT: 'tcp://*:5557', ALTIPLANO_PORT: 'tcp://10.0.0.1:80' }
  expect(loadConfig(['serve'], env).config).toMatchObject({ kvEventsEndpoint: 'tcp://*:5557', port: 8080 })
})
