// What a forward pass costs, by what is in it: prompts beside streams in one pass or in turns, chunks and streams by depth, slots
// with and without holes.
// Usage: passes.ts MODEL.gguf [--threads 1] [--streams 4] [--rounds 12] [--gpu-layers 0] [--flash-attention on|off] [--only depths]
import { parseArgs } from 'node:util'
import { openLlama } from '../src/engine/llama/engine.ts'
import { greedy } from '../test/support/workload.ts'
import { percentile } from './report/statistics.ts'
import { textTable } from './report/text-table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    streams: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '12' },
    'gpu-layers': { type: 'string', default: '0' },
    'flash-attention': { type: 'string', default: 'auto' },
    /** Tables, by name and with a comma between. */
    only: { type: 'string', default: 'holes,chunks,depths,mixed' },
  },
})
const [threads, streams, rounds] = [values.threads, values.streams, values.rounds].map(Number) as [
  number,
  number,
  number,
]
const CONTEXT = 4096
const DEPTHS = [0, 500, 1500, 3000]
const { engine } = await openLlama({
  modelPath: positionals[0] ?? '',
  slots: 16,
  contextSize: CONTEXT,
  batchTokens: 512,
  threads,
  gpuLayers: Number(values['gpu-layers']),
  kvCacheType: 'f16',
  flashAttention: values['flash-attention'] as 'auto' | 'on' | 'off',
})
const text = Array.from({ length: CONTEXT }, (_, index) => 100 + ((index * 7) % 900))
/** Rows of a slot from a position on. Streams are sampled, chunks of prompts are not. */
interface Part {
  readonly slot: number
  readonly start: number
  readonly rows: number
  readonly stream: boolean
}

/** Milliseconds of one pass. */
async function pass(parts: readonly Part[]): Promise<number> {
  const startedAt = performance.now()
  const results = await engine.step(
    parts.map(({ slot, start, rows, stream }) => ({
      id: `s${slot}`,
      slot,
      start,
      tokens: text.slice(start, start + rows),
      sample: stream ? greedy : undefined,
      history: text.slice(0, start + rows),
      promptLength: start,
    })),
  )
  for (const result of results) if (result instanceof Error) throw result
  return performance.now() - startedAt
}

async function fill(slot: number, tokens: number): Promise<void> {
  for (let start = 0; start < tokens; start += 512) {
    await pass([{ slot, start, rows: Math.min(512, tokens - start), stream: false }])
  }
}

/** Medians of several ways to do a thing, which take turns: what else the machine does should meet them alike. */
async function compare(ways: readonly (() => Promise<number>)[]): Promise<number[]> {
  const times = ways.map((): number[] => [])
  for (let turn = 0; turn < rounds; turn++) {
    for (const [index, way] of ways.entries()) times[index]?.push(await way())
  }
  return times.map((each) => percentile(each, 0.5))
}

const decodes = (slots: readonly number[], start: number): Part[] =>
  slots.map((slot) => ({ slot, start, rows: 1, stream: true }))
const first = (count: number): number[] => Array.from({ length: count }, (_, slot) => slot)
const ms = (value: number | undefined): string => (value ?? Number.NaN).toFixed(1)

/** A chunk of a prompt in the pass of the streams, or in one of its own after theirs. */
async function mixedOrInTurns(): Promise<void> {
  const lines: string[][] = []
  for (const slot of first(streams)) await fill(slot, 256)
  for (const depth of DEPTHS) {
    await fill(streams, depth)
    for (const rows of [65, 64, 128, 256]) {
      const chunk = { slot: streams, start: depth, rows, stream: false }
      const running = decodes(first(streams), 256)
      const [mixed, inTurns] = await compare([
        () => pass([...running, chunk]),
        async () => (await pass(running)) + (await pass([chunk])),
      ])
      lines.push([`${depth}`, `${rows}`, ms(mixed), ms(inTurns), ((mixed ?? 0) / (inTurns ?? 1)).toFixed(2)])
    }
  }
  console.log(`\n${streams} streams and a chunk of a prompt, ms for both`)
  console.log(textTable([['tokens before', 'rows', 'one pass', 'two passes', 'ratio'], ...lines]))
}

async function chunksByDepth(): Promise<void> {
  const sizes = [16, 32, 63, 64, 128, 256, 512]
  const lines: string[][] = []
  for (const depth of DEPTHS) {
    await fill(0, depth)
    const times = await compare(
      sizes.map((rows) => () => pass([{ slot: 0, start: depth, rows, stream: false }])),
    )
    lines.push([`${depth}`, ...times.map(ms)])
  }
  console.log('\na chunk of a prompt alone, ms by its rows')
  console.log(textTable([['tokens before', ...sizes.map(String)], ...lines]))
}

/** From the deepest on: what is behind a pass is cut off. */
async function streamsByDepth(): Promise<void> {
  const counts = [1, 4, 8]
  const lines: string[][] = []
  for (const slot of first(8)) await fill(slot, 1500)
  for (const depth of [1500, 500, 0]) {
    const times = await compare(counts.map((count) => () => pass(decodes(first(count), depth))))
    lines.unshift([`${depth}`, ...times.map(ms)])
  }
  console.log('\nstreams, ms by how many there are')
  console.log(textTable([['tokens before', ...counts.map(String)], ...lines]))
}

async function holes(): Promise<void> {
  for (const slot of first(16)) await fill(slot, 256)
  const lines: string[][] = []
  for (const rows of [2, 4, 8]) {
    const ways = [
      first(rows),
      [...first(rows - 1), rows],
      first(rows).map((slot) => 2 * slot),
      first(rows).reverse(),
    ]
    const times = await compare(ways.map((slots) => () => pass(decodes(slots, 256))))
    lines.push([`${rows}`, ...times.map(ms)])
  }
  console.log('\ndecodes, ms by where their slots are')
  console.log(textTable([['streams', 'packed', 'one hole', 'every other slot', 'descending'], ...lines]))
}

const tables = { holes, chunks: chunksByDepth, depths: streamsByDepth, mixed: mixedOrInTurns }
console.log(
  `${positionals[0]?.split('/').at(-1)}, ${threads} threads, flash attention ${values['flash-attention']}, medians of ${rounds}`,
)
for (const [name, table] of Object.entries(tables)) if (values.only.split(',').includes(name)) await table()
await engine.close()
