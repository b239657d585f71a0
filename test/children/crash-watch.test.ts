import { expect, it } from 'vitest'
import { CrashWatch } from '../../src/children/crash-watch.ts'

const minute = 60_000

/** What a watch says of crashes at these times. */
async function verdict(times: readonly number[], served = true): Promise<string> {
  const watch = new CrashWatch()
  for (const time of times) watch.onCrash({ reason: 'SIGSEGV', served }, time)
  return Promise.race([watch.hopeless, Promise.resolve('go on')])
}

it('gives up with the fifth crash in five minutes, not before', async () => {
  expect(await verdict([0, 1, 2, 3])).toBe('go on')
  expect(await verdict([0, 1, 2, 3, 4.9 * minute])).toBe('5 crashes within 5 minutes; the last: SIGSEGV')
  expect(await verdict([0, 1, 2, 3, 5 * minute])).toBe('go on')
})

it('is more patient with starts that fail', async () => {
  const starts = Array.from({ length: 20 }, (_, index) => index)
  expect(await verdict(starts.slice(1), false)).toBe('go on')
  expect(await verdict(starts, false)).toBe('20 failed starts within 5 minutes; the last: SIGSEGV')
})

it('gives up when it is told to', async () => {
  const watch = new CrashWatch()
  watch.giveUp('the model cannot be read')
  expect(await watch.hopeless).toBe('the model cannot be read')
})
