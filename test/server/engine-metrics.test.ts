import { expect, it } from 'vitest'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { EngineStats } from '../../src/protocol/engine-messages.ts'
import { EngineMetrics } from '../../src/server/engine-metrics.ts'
import { scrape } from '../support/metrics.ts'

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

it('what an engine counts is added to what those before it counted', async () => {
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

it('what an engine holds is gone with it', async () => {
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
