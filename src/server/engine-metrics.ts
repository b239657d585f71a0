import type { Metrics } from '../metrics/metrics.ts'
import type { EngineStats, StepMessage } from '../protocol/engine-messages.ts'

/** Block size for llm-d's picker, which takes none below 64: with whole slots as blocks no two prompts would be alike. */
const BLOCK_TOKENS = 64

/** Turns the statistics of engine processes into metrics: each process counts from zero, the metrics go on. */
export class EngineMetrics {
  readonly #metrics: Metrics
  /** Statistics of the process that runs now. */
  #stats: EngineStats | undefined

  /** @param kvCells of all slots together; undefined while the model loads. */
  constructor(metrics: Metrics, kvCells: () => number | undefined) {
    this.#metrics = metrics
    metrics.running.readBy(() => this.running)
    metrics.kvUsage.readBy(() => this.#stats?.kvUsage ?? 0)
    metrics.parkedBytes.readBy(() => this.#stats?.parkedBytes ?? 0)
    metrics.cacheConfig.readBy(() => {
      const blocks = Math.floor((kvCells() ?? 0) / BLOCK_TOKENS)
      return { value: 1, labels: { block_size: `${BLOCK_TOKENS}`, num_gpu_blocks: `${blocks}` } }
    })
  }

  /** Sequences that hold a slot. */
  get running(): number {
    return this.#stats?.running ?? 0
  }

  onStep({ stats, batchTokens, stepMs }: StepMessage): void {
    const before = this.#stats
    this.#metrics.parkedPrefixes.inc(stats.parked - (before?.parked ?? 0))
    this.#metrics.restoredPrefixes.inc(stats.restored - (before?.restored ?? 0))
    this.#metrics.parkingFailures.inc(stats.parkingFailed - (before?.parkingFailed ?? 0))
    this.#stats = stats
    if (batchTokens === 0) return
    this.#metrics.batchTokens.observe(batchTokens)
    this.#metrics.stepTime.observe(stepMs / 1000)
  }

  onDown(): void {
    this.#stats = undefined
  }
}
