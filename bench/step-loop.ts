import { sequenceOf } from '../test/support/sequences.ts'
// What the step loop costs without an engine: microseconds a step, at several numbers of running sequences and lengths.

import { StepLoop } from '../src/engine/step-loop.ts'
import { PrefixSlotCache } from '../src/kvcache/prefix-slot-cache.ts'
import { SlotBlocks } from '../src/kvcache/slot-blocks.ts'
import type { BatchEntry, Engine } from '../src/protocol/engine.ts'
import { PacedPrefill } from '../src/scheduler/prefill-budget.ts'
import { Scheduler } from '../src/scheduler/scheduler.ts'

const STEPS = 5000

function idleEngine(slots: number): Engine {
  return {
    limits: { slots, contextSize: 65_536, batchTokens: 64 * 65_536 },
    step: async (batch: readonly BatchEntry[]) =>
      batch.map(({ start }) => ({ tokens: [start % 1000], logprobs: [], following: [] })),
    close: async () => undefined,
  }
}

async function microsecondsPerStep(rows: number, promptLength: number, blocks?: SlotBlocks): Promise<number> {
  const engine = idleEngine(rows)
  const pace = new PacedPrefill(0)
  const stop = new AbortController()
  let steps = 0
  let started = 0
  const loop = new StepLoop({
    engine,
    scheduler: new Scheduler(engine.limits, new PrefixSlotCache(rows)),
    onPass: (pass) => pace.observe(pass),
    blocks,
    now: () => performance.now(),
    onStep: ({ batchTokens }) => {
      if (steps > 0 && batchTokens !== rows)
        throw new Error(`${batchTokens} tokens in a step of ${rows} rows`)
      if (++steps === STEPS / 5) started = performance.now()
      if (steps === STEPS) stop.abort()
    },
  })
  for (let row = 0; row < rows; row++) {
    const prompt = Array.from({ length: promptLength }, (_, i) => (i * 31 + row) % 1000)
    const sampling = {
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      seed: 0,
      frequencyPenalty: 0,
      presencePenalty: 0,
      repeatPenalty: 1,
      penaltyWindow: 0,
      logitBias: [],
    }
    loop.add(sequenceOf({ id: String(row), prompt, maxTokens: 2 * STEPS, stopTokens: [], sampling }))
  }
  await loop.run(stop.signal)
  return ((performance.now() - started) * 1000) / (STEPS - STEPS / 5)
}

const table: Record<string, number | string>[] = []
for (const promptLength of [100, 30_000]) {
  for (const rows of [1, 8, 32, 64]) {
    const us = await microsecondsPerStep(rows, promptLength)
    const telling = await microsecondsPerStep(rows, promptLength, new SlotBlocks(64))
    table.push({
      rows,
      'tokens each': promptLength,
      'µs a step': us.toFixed(1),
      'with KV events': telling.toFixed(1),
      'target µs': 150 + 15 * rows,
    })
  }
}
console.table(table)
