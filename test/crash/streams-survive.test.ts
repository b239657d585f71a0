import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ask,
  essences,
  type MixedRequest,
  mixedRequests,
  type Transcript,
} from '../support/mixed-requests.ts'
import { until } from '../support/patience.ts'
import { children, signalChild } from '../support/processes.ts'
import { random } from '../support/random.ts'
import { startServer, type TestServer, untilReady } from '../support/server.ts'

/** `npm run test:crash` runs each many times, each at another moment. */
const rounds = Number(process.env['CRASH_ROUNDS'] ?? 0)
const seed = Number(process.env['CRASH_SEED'] ?? 1)
const signals = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGSTOP'] as const
const cases = signals
  .slice(0, rounds === 0 ? 1 : signals.length)
  .flatMap((signal) =>
    Array.from(
      { length: signal === 'SIGSTOP' ? Math.ceil(rounds / 4) : Math.max(1, rounds) },
      (_, round) => ({ signal, round }),
    ),
  )

const textCases = (['SIGKILL', 'SIGSTOP'] as const).flatMap((signal) =>
  Array.from({ length: Math.ceil(rounds / 2) }, (_, round) => ({ signal, round })),
)

const asked = mixedRequests('demo')

async function askAll(url: string): Promise<Transcript[]> {
  return Promise.all(asked.map((request) => ask(url, request)))
}

const named = (transcripts: readonly Transcript[]) => essences(asked, transcripts)

describe('sixteen mixed requests', () => {
  let server: TestServer
  let undisturbed: Transcript[]
  let tookMs = 0
  const below = random(seed)

  const start = async (): Promise<void> => {
    server = await startServer(['--served-model-name', 'demo', '--slots', '8', '--context-size', '1024'])
    // Once to warm up: prompts are in the cache then, as they will be.
    await askAll(server.url)
    const started = performance.now()
    undisturbed = await askAll(server.url)
    tookMs = performance.now() - started
  }
  beforeAll(start)
  afterAll(() => server.stop())

  it('sixteen mixed requests are answered completely without a crash', () => {
    for (const [name, { whole, completionTokens }] of Object.entries(named(undisturbed)))
      expect([name, whole, (completionTokens ?? 0) > 0]).toEqual([name, true, true])
  })

  it.each(cases)(
    '$signal of the engine, round $round, leaves each of sixteen streams complete, each token once',
    async ({ signal, round }) => {
      // Five crashes in five minutes are its end.
      if (round % 4 === 3) {
        await server.stop()
        await start()
      }
      const delay = below(Math.ceil(tookMs * 0.9))
      const all = askAll(server.url)
      await pause(delay)
      const killed = performance.now()
      signalChild(server.process.pid, 'engine', signal)
      const survived = await all
      const label = `seed ${seed}, ${signal} after ${delay} of ${Math.round(tookMs)} ms`
      expect(named(survived), label).toEqual(named(undisturbed))
      if (signal === 'SIGSTOP') expect(sinceDown(server) < performance.now() - killed, label).toBe(true)
      if (signal === 'SIGSTOP')
        expect(performance.now() - killed - sinceDown(server), label).toBeLessThan(15_000)
      await untilReady(server.url)
    },
  )

  it.each(textCases)(
    '$signal of the text process, round $round, leaves each of sixteen requests served',
    async ({ signal, round }) => {
      await server.stop()
      await start()
      const delay = below(150)
      const all = askAll(server.url)
      await pause(delay)
      signalChild(server.process.pid, 'text', signal)
      // A stopped one is found by the next request.
      const after = await ask(server.url, asked[0] as MixedRequest)
      expect(named(await all), `seed ${seed}, ${signal} of text after ${delay} ms, ${round}`).toEqual(
        named(undisturbed),
      )
      expect(after.status).toBe(200)
    },
  )

  it('SIGKILL of the gateway during sixteen requests leaves no process', async () => {
    await untilReady(server.url)
    const before = [...children(server.process.pid ?? 0).values()]
    expect(before).toHaveLength(2)
    const all = Promise.allSettled(asked.map((request) => ask(server.url, request)))
    await pause(below(Math.ceil(tookMs * 0.5)))
    server.process.kill('SIGKILL')
    await all
    await until(() => !before.some(isAlive))
  })
})

/** Milliseconds since the supervisor said that a child is down. */
function sinceDown({ logs }: TestServer): number {
  const line = logs.findLast((text) => text.includes('"child down"')) ?? '{}'
  return Date.now() - (JSON.parse(line) as { time: number }).time
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
