// What log probabilities cost: milliseconds a step with and without, for a GGUF. Usage: logprobs.ts MODEL.gguf [SLOTS]

import { openLlama } from '../src/engine/llama/engine.ts'
import type { Scoring } from '../src/protocol/engine.ts'
import { greedy } from '../test/support/workload.ts'
import { percentile } from './report/statistics.ts'

const ROUNDS = 40
const CHUNK = 32
const [modelPath = '', slots = '1'] = process.argv.slice(2)
const rows = Array.from({ length: Number(slots) }, (_, slot) => slot)
const prompt = Array.from({ length: CHUNK + 1 }, (_, index) => 40 + (index % 50))
const sample = { ...greedy, temperature: 0.8, topP: 0.95, topK: 40, seed: 1 }
const { engine } = await openLlama({
  modelPath,
  slots: rows.length,
  contextSize: 256,
  batchTokens: 256,
  threads: 1,
  gpuLayers: 0,
  kvCacheType: 'f16',
})

/** One pass over `tokens` of every slot, in milliseconds. */
async function pass(tokens: readonly number[], draws: boolean, scoring?: Scoring): Promise<number> {
  const start = draws ? CHUNK : 0
  const startedAt = performance.now()
  const results = await engine.step(
    rows.map((slot) => ({
      id: `s${slot}`,
      slot,
      start,
      tokens,
      sample: draws ? sample : undefined,
      scoring,
      history: prompt.slice(0, start + tokens.length),
      promptLength: CHUNK,
    })),
  )
  for (const result of results) if (result instanceof Error) throw result
  return performance.now() - startedAt
}

type Mode = readonly [name: string, run: () => Promise<number>]

/** `run` without log probabilities, and with some; in turns, as what else the machine does should meet them all alike. */
async function compare(
  what: string,
  tokens: number,
  run: (top: number | undefined) => Promise<number>,
): Promise<void> {
  const modes: Mode[] = [undefined, 0, 1, 5, 20].map((top) => [`${what}, top ${top ?? '-'}`, () => run(top)])
  const times = modes.map((): number[] => [])
  for (let turn = 0; turn < ROUNDS * modes.length; turn++) {
    const index = (turn + Math.floor(turn / modes.length)) % modes.length
    times[index]?.push((await modes[index]?.[1]()) ?? 0)
  }
  for (const [index, [name]] of modes.entries()) {
    const all = percentile(times[index] ?? [], 0.5)
    const each = (all - percentile(times[0] ?? [], 0.5)) / tokens
    console.log(`${name.padEnd(16)} ${all.toFixed(2)} ms a pass, ${each.toFixed(2)} ms more a token`)
  }
}

await pass(prompt.slice(0, CHUNK), false)
await compare('decode', rows.length, (top) =>
  pass(prompt.slice(CHUNK), true, top === undefined ? undefined : { top, following: [] }),
)
await compare('prompt', CHUNK * rows.length, (top) =>
  pass(prompt.slice(0, CHUNK), false, top === undefined ? undefined : { top, following: prompt.slice(1) }),
)
await engine.close()
