import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { metric } from '../support/metrics.ts'
import { type Case, cases } from './case.ts'
import { regressions } from './regressions.ts'
import { runCase, told } from './run-case.ts'
import { metrics } from './world.ts'

/** `npm run test:invariants` runs a hundred times as many. A failure tells the seed and the path that lead to it again. */
const runs = Number(process.env['INVARIANTS_RUNS'] ?? 2000)
const seed = Number(process.env['INVARIANTS_SEED'] ?? Date.now() % 2 ** 31)
const path = process.env['INVARIANTS_PATH']
const again = {
  seed,
  ...(path === undefined ? {} : { path }),
  endOnFailure: process.env['INVARIANTS_SHRINK'] === '0',
}
/** At most: 100 on average. */
const COMMANDS = 220

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
})
afterAll(() => {
  vi.useRealTimers()
})

describe('gateway, supervisor, step loop, scheduler and cache together', () => {
  it.each(regressions)('a mended fault does not return: $name', async (one) => {
    await runCase(one)
  })

  it(
    `all invariants hold in ${runs} runs of random commands`,
    async () => {
      const began = process.cpuUsage()
      await fc.assert(
        fc.asyncProperty(cases(COMMANDS), async (one) => {
          await runCase(one)
        }),
        { ...again, numRuns: runs },
      )
      const { user, system } = process.cpuUsage(began)
      console.log(`seed ${seed}, ${Math.round((user + system) / 1e5) / 10} s of a core`, told)
      expect(told.commands).toBeGreaterThan(80 * runs)
      expect(await metric(metrics, 'altiplano_preemptions_total')).toBeGreaterThan(runs / 20)
    },
    300_000 + runs * 1000,
  )

  it(
    'slow readers change neither the passes nor their times',
    async () => {
      const without = ({ settings, commands }: Case, left: readonly string[]): Case => ({
        settings,
        commands: commands.filter((command) => !left.includes(command.do)),
      })
      await fc.assert(
        fc.asyncProperty(cases(COMMANDS / 2), async (one) => {
          const slow = await runCase(without(one, ['leave']))
          const quick = await runCase(without(one, ['leave', 'stall', 'read']))
          expect(slow.passes).toEqual(quick.passes)
        }),
        { seed, numRuns: Math.ceil(runs / 20) },
      )
    },
    300_000 + runs * 50,
  )
})
