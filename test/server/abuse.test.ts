import { expect, it } from 'vitest'
import { abuseRounds } from '../../tools/abuse/rounds.ts'
import { faultsOf } from '../../tools/abuse/verdict.ts'

it('stalled readers, slow senders, leaving clients and long texts cost other requests nothing, and leave nothing', async () => {
  const report = await abuseRounds({
    counts: { stalled: 60, slowloris: 120, abort: 200, pipelined: 100, texts: 12 },
    rounds: 1,
    seconds: 2,
    load: 0.2,
    loadBesideLong: 0.05,
    firstTokenMs: 20_000,
    abuserLimits: ', max_concurrent: 2',
    flags: [],
  })
  expect(report.turns.map(({ with: { good } }) => good > 0)).toEqual([true, true, true, true, true])
  const files = (sample = report.before): number => sample.descriptors.gateway ?? 0
  // A third of the slow senders are refused as soon as their headers are there, and come again.
  expect(files(report.turns[1]?.during)).toBeGreaterThan(files() + 60)
  expect(faultsOf(report)).toEqual([])
})
