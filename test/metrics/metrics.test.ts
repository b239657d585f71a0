import { expect, it } from 'vitest'
import { Metrics } from '../../src/metrics/metrics.ts'
import { scrape } from '../support/metrics.ts'

it('a name that ends in _total is a counter, and no other name is', () => {
  const { declarations } = new Metrics('m')
  for (const { name, type } of declarations)
    expect([name, type === 'counter']).toEqual([name, name.endsWith('_total')])
})

it('two servers in one process have separate counters', async () => {
  const [one, other] = [new Metrics('a'), new Metrics('b')]
  one.preemptions.inc()
  expect((await scrape(one)).value('altiplano_preemptions_total', { model_name: 'a' })).toBe(1)
  expect((await scrape(other)).value('altiplano_preemptions_total', { model_name: 'b' })).toBe(0)
})

it('every series but those of errors exists before the first request', async () => {
  const metrics = new Metrics('m')
  const { text } = await scrape(metrics)
  for (const { name } of metrics.declarations.filter((one) => one.labels.length < 2))
    expect([name, new RegExp(`^${name}(_count)?\\{`, 'm').test(text)]).toEqual([
      name,
      name !== 'altiplano_errors_total',
    ])
})

it('a metric with a deprecated name has the value of its successor', async () => {
  const metrics = new Metrics('m')
  for (const process of ['engine', 'text', 'text', 'long-text', 'embedding'])
    metrics.childRestarts.inc({ process })
  metrics.droppedSpans.inc(7)
  const found = await scrape(metrics)
  expect(found.value('altiplano_engine_restarts')).toBe(1)
  expect(found.value('altiplano_text_restarts')).toBe(3)
  expect(found.value('altiplano_trace_spans_dropped')).toBe(7)
})
