import { expect, it, onTestFinished } from 'vitest'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { EngineStats } from '../../src/protocol/engine-messages.ts'
import { EngineMetrics } from '../../src/server/engine-metrics.ts'
import { postJson } from '../support/http.ts'
import { metric, scrape } from '../support/metrics.ts'
import { until } from '../support/patience.ts'
import { signalChild } from '../support/processes.ts'
import { startServer } from '../support/server.ts'

function told() {
  const metrics = new Metrics('m')
  const engine = new EngineMetrics(metrics, () => undefined)
  const step = (counts: Pick<EngineStats, 'parked' | 'restored' | 'parkingFailed'>): void => {
    const stats = {
      ...{ waiting: 0, running: 1, kvUsage: 0.5, steps: 1, parkedBytes: 100 },
      ...{ promptTokens: 0, cachedTokens: 0, generatedTokens: 0 },
      ...counts,
    }
    engine.onStep({ type: 'step', events: [], stats, batchTokens: 1, stepMs: 1 })
  }
  const counts = async (suffix: string): Promise<number[]> => {
    const found = await scrape(metrics)
    return ['parked_prefixes', 'restored_prefixes', 'parking_failures'].map((name) =>
      found.value(`altiplano_kv_${name}${suffix}`),
    )
  }
  return { metrics, engine, step, counts }
}

it('the counters of a new engine are added to those of the engines before it', async () => {
  const { metrics, engine, step, counts } = told()
  step({ parked: 2, restored: 1, parkingFailed: 0 })
  step({ parked: 5, restored: 1, parkingFailed: 1 })
  expect(await counts('_total')).toEqual([5, 1, 1])
  engine.onDown()
  expect(await counts('_total')).toEqual([5, 1, 1])
  step({ parked: 1, restored: 0, parkingFailed: 0 })
  step({ parked: 7, restored: 3, parkingFailed: 0 })
  expect(await counts('_total')).toEqual([12, 4, 1])
  expect(await counts('')).toEqual([12, 4, 1])
  expect((await scrape(metrics)).value('altiplano_step_seconds_count')).toBe(4)
})

it('the gauges of an engine end with it', async () => {
  const { metrics, engine, step } = told()
  const held = async (): Promise<number[]> => {
    const found = await scrape(metrics)
    return ['vllm:num_requests_running', 'vllm:kv_cache_usage_perc', 'altiplano_kv_parked_bytes'].map(
      (name) => found.value(name),
    )
  }
  step({ parked: 2, restored: 1, parkingFailed: 0 })
  expect(await held()).toEqual([1, 0.5, 100])
  engine.onDown()
  expect(await held()).toEqual([0, 0, 0])
})

it('no counter of a server falls when its engine is replaced', async () => {
  const server = await startServer(['--slots', '1'])
  onTestFinished(async () => void (await server.stop()))
  const ask = async (word: string): Promise<void> => {
    const prompt = `${word} `.repeat(200)
    const { status } = await postJson(`${server.url}/v1/completions`, {
      model: 'altiplano-demo',
      prompt,
      max_tokens: 2,
    })
    expect(status).toBe(200)
  }
  const parked = (): Promise<number> => metric(server.url, 'altiplano_kv_parked_prefixes_total')
  for (const word of ['lake', 'moon', 'tree']) await ask(word)
  const before = await scrape(server.url)
  const parkedBefore = await parked()
  expect(parkedBefore).toBeGreaterThan(1)
  signalChild(server.process.pid, 'engine', 'SIGKILL')
  await until(
    async () => (await metric(server.url, 'altiplano_child_restarts_total', { process: 'engine' })) === 1,
  )
  expect(await parked()).toBe(parkedBefore)
  for (const word of ['lake', 'moon']) await ask(word)
  expect(await parked()).toBe(parkedBefore + 1)
  const after = await scrape(server.url)
  for (const { name } of new Metrics('m').declarations.filter(({ type }) => type === 'counter'))
    expect([name, after.value(name) >= before.value(name)]).toEqual([name, true])
})
