import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { alerts } from '../../tools/monitoring/alerts.ts'
import { panels } from '../../tools/monitoring/dashboard.ts'
import { scrape } from '../support/metrics.ts'
import { startServer } from '../support/server.ts'

const docs = new URL('../../docs/', import.meta.url)
const pages = ['../README.md', ...readdirSync(docs).filter((page) => page.endsWith('.md'))]
const runbook = alerts.map(({ expr, action }) => `${expr} ${action}`)
const shown = panels.flatMap(({ queries }) => queries.map(({ expr }) => expr))
const told = pages
  .filter((page) => page !== 'metrics.md')
  .map((page) => readFileSync(new URL(page, docs), 'utf8'))

let current: ReadonlySet<string>
beforeAll(async () => {
  const server = await startServer([], 'listening')
  const { text } = await scrape(server.url)
  await server.stop()
  const families = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE (\S+) /gm)]
  current = new Set(families.flatMap(([, name = '', help]) => (help?.startsWith('Deprecated') ? [] : [name])))
})

it.each([
  ['alerts', runbook, 15],
  ['the dashboard', shown, 25],
  ['the documentation', told, 15],
])('the metrics in %s exist, by names that will stay', (_who, texts, least) => {
  const asked = texts.flatMap((text) => text.match(/\b(altiplano_|vllm:|nodejs_|process_)\w+/g) ?? [])
  expect(asked.length).toBeGreaterThan(least)
  expect(asked.map((name) => name.replace(/_bucket$/, '')).filter((name) => !current.has(name))).toEqual([])
})

it('each alert has a name of its own, and an action', () => {
  expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
  for (const { name, summary, action } of alerts) {
    expect(name).toMatch(/^Altiplano[A-Z]\w+$/)
    expect(summary.length, name).toBeGreaterThan(20)
    expect(action.length, name).toBeGreaterThan(40)
  }
})
