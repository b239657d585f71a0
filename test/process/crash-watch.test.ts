import { expect, it } from 'vitest'
import { CrashWatch } from '../../src/process/crash-watch.ts'

const minute = 60_000

const verdictOf = (watch: CrashWatch): Promise<string> =>
  Promise.race([watch.hopeless, Promise.resolve('go on')])

/** What a watch says of crashes at these times. */
async function verdict(times: readonly number[]): Promise<string> {
  const watch = new CrashWatch()
  for (const time of times) watch.onCrash({ reason: 'SIGSEGV', served: true, failedStarts: 0 }, time)
  return verdictOf(watch)
}

it('the server gives up at the fifth crash in five minutes, not before', async () => {
  expect(await verdict([0, 1, 2, 3])).toBe('go on')
  expect(await verdict([0, 1, 2, 3, 4.9 * minute])).toBe('5 crashes within 5 minutes; the last: SIGSEGV')
  expect(await verdict([0, 1, 2, 3, 5 * minute])).toBe('go on')
})

it('the server gives up at the tenth failed start in a row, however long each takes', async () => {
  const watch = new CrashWatch()
  const fail = (failedStarts: number, at: number): void =>
    watch.onCrash({ reason: 'exit code 1', served: false, failedStarts }, at)
  for (let start = 1; start < 10; start++) fail(start, start * 20 * minute)
  // One that was ready has begun the count anew.
  for (let start = 1; start < 10; start++) fail(start, start * 100)
  expect(await verdictOf(watch)).toBe('go on')
  fail(10, 1000)
  expect(await verdictOf(watch)).toBe('10 starts in a row failed; the last: exit code 1')
})

it('the server gives up at once when a process reports a permanent failure', async () => {
  const watch = new CrashWatch()
  watch.giveUp('the model cannot be read')
  expect(await watch.hopeless).toBe('the model cannot be read')
})
