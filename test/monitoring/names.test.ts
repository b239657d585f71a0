import { expect, it } from 'vitest'
import { alerts } from '../../tools/monitoring/alerts.ts'
import { panels } from '../../tools/monitoring/dashboard.ts'
import { startServer } from '../support/server.ts'

it('alerts and dashboard ask for metrics that a server has', async () => {
  const server = await startServer([], 'listening')
  const text = await (await fetch(`${server.url}/metrics`)).text()
  await server.stop()
  const known = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
  const expressions = [
    ...alerts.map(({ expr }) => expr),
    ...panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)),
  ]
  const asked = expressions.flatMap((expr) => expr.match(/\b(altiplano_|vllm:|nodejs_|process_)\w+/g) ?? [])
  expect(asked.length).toBeGreaterThan(40)
  expect(asked.map((name) => name.replace(/_bucket$/, '')).filter((name) => !known.has(name))).toEqual([])
})

it('each alert has a name of its own, and says what to do', () => {
  expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
  for (const { name, summary, action } of alerts) {
    expect(name).toMatch(/^Altiplano[A-Z]\w+$/)
    expect(summary.length, name).toBeGreaterThan(20)
    expect(action.length, name).toBeGreaterThan(40)
  }
})
