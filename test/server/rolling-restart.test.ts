import { expect, it } from 'vitest'
import { rollingRestarts } from '../../tools/drain/rolling-restarts.ts'

it('no stream is lost when replicas are restarted one after the other under load', async () => {
  const { restarts, streams } = await rollingRestarts({
    restarts: 2,
    load: 0.4,
    // Long enough that some are inside a replica when it ends.
    tokens: 160,
    measureSeconds: 2,
    restSeconds: 0.5,
    flags: [],
  })
  expect(restarts.map(({ code }) => code)).toEqual([0, 0])
  expect(restarts.some((restart) => restart.streams > 0)).toBe(true)
  expect(streams.flatMap(({ error }) => error ?? [])).toEqual([])
})
