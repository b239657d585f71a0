import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { metric } from '../../support/metrics.ts'
import { PATIENCE } from '../../support/patience.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { SilentHub } from '../../support/silent-hub.ts'

/** What llm-d's endpoint picker reads; it takes the first series of each. */
const READ = [
  'vllm:num_requests_waiting',
  'vllm:num_requests_running',
  'vllm:kv_cache_usage_perc',
  'vllm:cache_config_info',
  'vllm:lora_requests_info',
]

/** Every series of these families, as `labels value`. */
function families(text: string): Map<string, string[]> {
  const line = (name: string): RegExp => new RegExp(`^${name}(\\{.*)$`, 'gm')
  return new Map(READ.map((name) => [name, [...text.matchAll(line(name))].map(([, rest = '']) => rest)]))
}

/** Status, milliseconds, and body. */
async function timed(url: string): Promise<{ status: number; ms: number; text: string }> {
  const asked = performance.now()
  const answer = await fetch(url)
  const text = await answer.text()
  return { status: answer.status, ms: performance.now() - asked, text }
}

it('each metric has one series while the model loads', async () => {
  const hub = new SilentHub()
  const source = ['--model', 'hf:o/demo:Q8_0', '--hf-endpoint', await hub.start()]
  const server = await startServer(source, 'listening')
  try {
    const { text } = await timed(`${server.url}/metrics`)
    for (const [name, series] of families(text)) expect([name, series.length]).toEqual([name, 1])
    expect(families(text).get('vllm:cache_config_info')?.[0]).toContain('num_gpu_blocks="0"')
  } finally {
    await server.stop()
    hub.stop()
  }
})

it('scrapes at 20 Hz and probes are answered fast and correctly while every slot is busy', async () => {
  const server = await startServer(['--slots', '2', '--context-size', '1024'])
  const leave = new AbortController()
  const streams = Array.from({ length: 5 }, () => generate(server, leave.signal))
  try {
    await vi.waitFor(
      async () => expect(await metric(server.url, 'vllm:num_requests_waiting')).toBe(3),
      PATIENCE,
    )
    const scrapes = []
    const probes = []
    for (let tick = 0; tick < 20; tick++) {
      const next = pause(50)
      scrapes.push(await timed(`${server.url}/metrics`))
      probes.push(await timed(`${server.url}/health`))
      await next
    }
    const median = (all: readonly { ms: number }[]): number =>
      all.map(({ ms }) => ms).sort((a, b) => a - b)[10] ?? 0
    // Bounds of a machine with a load of eight: bench/probes.ts measures on a quiet one.
    expect(median(scrapes)).toBeLessThan(500)
    expect(Math.max(...probes.map(({ ms }) => ms))).toBeLessThan(10_000)
    expect(probes.every(({ status }) => status === 200)).toBe(true)
    for (const { text } of scrapes) {
      const read = families(text)
      expect([...read.values()].map((series) => series.length)).toEqual([1, 1, 1, 1, 1])
      expect(read.get('vllm:num_requests_running')?.[0]).toMatch(/ 2$/)
      expect(read.get('vllm:num_requests_waiting')?.[0]).toMatch(/ 3$/)
      // 2 slots of 1024 tokens.
      expect(read.get('vllm:cache_config_info')?.[0]).toContain('block_size="64",num_gpu_blocks="32"')
    }
  } finally {
    leave.abort()
    await Promise.allSettled(streams)
    await server.stop()
  }
})

/** Takes a slot for as long as the test. */
async function generate({ url }: TestServer, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'altiplano-demo',
      prompt: 'Hello',
      max_tokens: 1000,
      ignore_eos: true,
      stream: true,
    }),
    signal,
  })
  for await (const _ of answer.body ?? []) await pause(1)
}
