import { expect, it } from 'vitest'
import { CrashLimit } from '../../src/children/crash-limit.ts'

it('is reached by as many crashes as it says, within its window only', () => {
  const limit = new CrashLimit(3, 1000)
  expect([0, 400, 1100, 1300, 2500].map((time) => limit.reached(time))).toEqual([
    false,
    false,
    false,
    true,
    false,
  ])
})
