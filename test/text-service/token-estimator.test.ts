import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LlamaVocabulary, openVocabulary } from '../../src/engine/llama/vocabulary.ts'
import { type Texts, TokenEstimator } from '../../src/text-service/token-estimator.ts'
import { cpuWatch } from '../support/patience.ts'

const estimator = new TokenEstimator()
let vocabulary: LlamaVocabulary

beforeAll(async () => {
  vocabulary = await openVocabulary(
    fileURLToPath(new URL('../../models/altiplano-demo.gguf', import.meta.url)),
  )
})
afterAll(() => Promise.all([vocabulary.close(), estimator.close()]))

const prose = 'The moon rose over the quiet lake, and nobody was there to see it. '
const japanese = '東京は日本の首都であり、世界最大の都市圏の一つです。'
const code = 'export function add(first: number, second: number): number {\n  return first + second\n}\n'

describe('TokenEstimator', () => {
  it('TokenEstimator has no estimate before it is open', async () => {
    expect(await estimator.estimate([prose])).toBeUndefined()
  })

  it('TokenEstimator estimates 0 tokens for an empty text, and at least 1 for any other', async () => {
    await estimator.open(vocabulary.vocabulary)
    expect(await estimator.estimate([])).toBe(0)
    expect(await estimator.estimate(['', ''])).toBe(0)
    expect(await estimator.estimate(['a'])).toBe(1)
  })

  it.each([
    ['prose', [prose.repeat(3)]],
    ['long prose', [prose.repeat(500)]],
    ['Japanese', [japanese.repeat(100)]],
    ['code', [code.repeat(100)]],
    ['numbers', ['3.14159 '.repeat(500)]],
    ['half of each', [prose.repeat(200), japanese.repeat(500)]],
    ['many texts', Array.from({ length: 300 }, (_, at) => `${at}: ${prose}`)],
  ])('TokenEstimator is within a tenth of the count of llama.cpp for %s', async (_name, texts) => {
    const tokens = texts.reduce((sum, text) => sum + vocabulary.tokenize(text, false).length, 0)
    const ratio = ((await estimator.estimate(texts)) ?? 0) / tokens
    expect(ratio).toBeGreaterThan(0.9)
    expect(ratio).toBeLessThan(1.1)
  })

  it.each([
    ['a word without an end', 'a'.repeat(1_000_000)],
    ['characters without words', '漢'.repeat(1_000_000)],
    ['spaces', ' '.repeat(1_000_000)],
    ['signs', '+'.repeat(1_000_000)],
  ])('TokenEstimator takes bounded time for a megabyte of %s', async (_name, text) => {
    // tiktoken is quadratic in these: all of it would take minutes.
    const used = cpuWatch()
    expect(await estimator.estimate([text])).toBeGreaterThan(1000)
    expect(used()).toBeLessThan(500)
  })

  it('TokenEstimator accepts a vocabulary with a text twice, and without some bytes', async () => {
    const bytes = Buffer.from('aab')
    const offsets = Uint32Array.of(0, 1, 2, 3)
    const other = new TokenEstimator()
    await other.open({ size: 3, bytes, offsets })
    expect(await other.estimate(['abba!'])).toBe(5)
    await other.close()
  })

  it('TokenEstimator answers concurrent calls separately, and none once it is closed', async () => {
    const other = new TokenEstimator()
    // Who asks before it is open waits for it.
    void other.open(vocabulary.vocabulary)
    const texts = [prose, japanese.repeat(3), 'a']
    const alone = await Promise.all(texts.map((text) => estimator.estimate([text])))
    expect(await Promise.all(texts.map((text) => other.estimate([text])))).toEqual(alone)
    const late = other.estimate([prose])
    await other.close()
    expect(await late).toBeUndefined()
    expect(await other.estimate([prose])).toBeUndefined()
  })

  it('TokenEstimator rejects once when a vocabulary cannot be opened, and has no estimates then', async () => {
    const other = new TokenEstimator()
    // An offset that is not there.
    const broken = { size: 1, bytes: Buffer.from('a'), offsets: undefined as unknown as Uint32Array }
    const [opened, asked] = await Promise.allSettled([other.open(broken), other.estimate([prose])])
    expect([opened.status, asked]).toEqual(['rejected', { status: 'fulfilled', value: undefined }])
    await other.open(broken)
    expect(await other.estimate([prose])).toBeUndefined()
  })

  it('TokenEstimator does not block the event loop while it opens a vocabulary of 200,000', async () => {
    const words = Array.from({ length: 200_000 }, (_, at) => Buffer.from(` ${(7919 * at).toString(36)}`))
    let end = 0
    const offsets = Uint32Array.from([0, ...words.map(({ length }) => (end += length))])
    const texts = { size: words.length, bytes: Buffer.concat(words), offsets }
    // The best of three: on a busy machine any thread may have to wait for its turn.
    const shares = []
    for (let turn = 0; turn < 3; turn++) shares.push(await longestStall(texts))
    expect(Math.min(...shares)).toBeLessThan(0.25)
  })
})

/** The longest time that nothing else was done while an estimator was opened, as a share of that: a probe would have waited for it. */
async function longestStall(texts: Texts): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  const other = new TokenEstimator()
  delay.enable()
  await pause(20)
  const started = performance.now()
  await other.open(texts)
  const took = performance.now() - started
  // What was late is noted in the next turn.
  await pause(20)
  delay.disable()
  await other.close()
  return delay.max / 1e6 / took
}
