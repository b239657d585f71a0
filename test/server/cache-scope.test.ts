import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const keyFile = join(folder, 'keys.yaml')
const kept = join(folder, 'kept')
const KEYS = { one: 'sk-one-0123456789abc', two: 'sk-two-0123456789abc' }
const flags = ['--api-keys', keyFile, '--slots', '2', '--kv-cache-dir', kept]
/** Long enough to be copied between slots, and to be worth a file. */
const system = Array.from({ length: 30 }, (_, at) => `Rule ${at}: say what is asked.`).join(' ')

let server: TestServer

/** How many tokens of the prompt were in the cache. */
async function cached(key: string, question: string, more: object = {}): Promise<number> {
  const answer = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'demo',
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: question },
      ],
      max_completion_tokens: 4,
      temperature: 0,
      ...more,
    }),
  })
  expect(answer.status).toBe(200)
  const { usage } = (await answer.json()) as {
    usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } }
  }
  expect(usage.prompt_tokens).toBeGreaterThan(150)
  return usage.prompt_tokens_details.cached_tokens
}

beforeAll(async () => {
  writeFileSync(
    keyFile,
    `keys:\n${Object.entries(KEYS)
      .map(([name, key]) => `  - { name: ${name}, key: ${key} }\n`)
      .join('')}`,
  )
  server = await startServer(['--model-name', 'demo', ...flags])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

describe('the prefix cache', () => {
  it('the prefix cache is separate for each tenant', async () => {
    expect(await cached(KEYS.one, 'One?')).toBe(0)
    expect(await cached(KEYS.one, 'Two?')).toBeGreaterThan(100)
    expect(await cached(KEYS.two, 'One?')).toBe(0)
    expect(await cached(KEYS.two, 'Two?')).toBeGreaterThan(100)
  })

  it('the prefix cache is separate for each tenant beside a running request', async () => {
    const question = 'Count to twenty, please.'
    const [first, second] = await Promise.all([
      cached(KEYS.one, question, { cache_salt: 'beside', ignore_eos: true, max_completion_tokens: 60 }),
      cached(KEYS.two, question, { cache_salt: 'beside' }),
    ])
    expect([first, second]).toEqual([0, 0])
  })

  it('the prefix cache is separate for each salt', async () => {
    expect(await cached(KEYS.one, 'Salted?', { cache_salt: 'a' })).toBe(0)
    expect(await cached(KEYS.one, 'Salted?', { cache_salt: 'b' })).toBe(0)
    expect(await cached(KEYS.one, 'Again?', { cache_salt: 'b' })).toBeGreaterThan(100)
  })

  it('the prefix cache stays with its tenant after a restart, with no name and no salt on disk', async () => {
    expect(await server.stop()).toBe(0)
    const labels = readdirSync(kept, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    )
    expect(labels.length).toBeGreaterThan(0)
    for (const label of labels) {
      const { scope } = JSON.parse(readFileSync(join(kept, label), 'utf8')) as { scope: string }
      expect(scope).toMatch(/^[\w-]{43}$/)
    }
    server = await startServer(['--model-name', 'demo', ...flags])
    expect(await cached(KEYS.two, 'After?', { cache_salt: 'b' })).toBe(0)
    expect(await cached(KEYS.one, 'After?', { cache_salt: 'b' })).toBeGreaterThan(100)
  })

  it.each([
    [{ cache_salt: '' }, 'cache_salt'],
    [{ cache_salt: 7 }, 'cache_salt'],
    [{ priority: -1 }, 'priority'],
    [{ priority: 0.5 }, 'priority'],
  ])('an invalid cache salt or priority is refused: %j', async (fields, param) => {
    const answer = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEYS.one}` },
      body: JSON.stringify({ model: 'demo', prompt: 'x', ...fields }),
    })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { param } })
  })
})

interface Timed {
  readonly ms: number
  readonly computed: number
}

/** By the clock of whoever asks, and how many tokens of the prompt were computed. */
async function timed(key: string, prompt: string): Promise<Timed> {
  const asked = performance.now()
  const answer = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'demo', prompt, max_tokens: 1, temperature: 0 }),
  })
  const { timings } = (await answer.json()) as { timings: { prompt_n: number } }
  return { ms: performance.now() - asked, computed: timings.prompt_n }
}

/** How likely it is that one of the first took less time than one of the others. Mann and Whitney's statistic. */
function faster(some: readonly Timed[], others: readonly Timed[]): number {
  const pairs = some.flatMap((one) => others.map((other) => (one.ms < other.ms ? 1 : 0) as number))
  return pairs.reduce((sum, pair) => sum + pair, 0) / pairs.length
}

it('the latency of a prompt does not reveal whether another tenant has sent it', async () => {
  const promptOf = (kind: string, round: number): string =>
    Array.from({ length: 30 }, (_, at) => `${round}: in ${kind}, rule ${at} says what to do.`).join(' ')
  const guessed: Timed[] = []
  const unknown: Timed[] = []
  const own: Timed[] = []
  for (let round = 0; round < 16; round++) {
    const secret = promptOf('secret', round)
    await timed(KEYS.one, secret)
    const guess = async (): Promise<unknown> => guessed.push(await timed(KEYS.two, secret))
    const draw = async (): Promise<unknown> => unknown.push(await timed(KEYS.two, promptOf('private', round)))
    // What comes second may be faster or slower for other reasons.
    for (const turn of round % 2 === 0 ? [guess, draw] : [draw, guess]) await turn()
    own.push(await timed(KEYS.two, secret))
  }
  expect(Math.min(...guessed.map(({ computed }) => computed))).toBeGreaterThan(300)
  // The two words are as many tokens: prompts of other lengths take other times.
  for (const [round, { computed }] of guessed.entries())
    expect(Math.abs(computed - (unknown[round]?.computed ?? 0))).toBeLessThan(10)
  expect(Math.max(...own.map(({ computed }) => computed))).toBeLessThan(50)
  // By chance alone 0.5, beyond these bounds once in 20,000 runs.
  expect(faster(guessed, unknown)).toBeGreaterThan(0.1)
  expect(faster(guessed, unknown)).toBeLessThan(0.9)
  // The method would see it.
  expect(faster(own, unknown)).toBeGreaterThan(0.9)
})
