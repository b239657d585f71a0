import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { configurationPage } from '../src/config/describe.ts'
import { chartPage, valuesSchema } from './chart-values.ts'
import { errorsPage } from './errors-page.ts'
import { dashboardFile } from './monitoring/dashboard.ts'
import { metricsPage } from './monitoring/metrics-page.ts'
import { alertsPage, ruleFile, ruleManifest } from './monitoring/rule-files.ts'
import { openApiDocument } from './openapi/document.ts'
import { parametersPage } from './openapi/parameters-page.ts'

const root = new URL('../', import.meta.url)
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }

/** Files written from the source: `npm run generate` writes them, `--check` names the stale ones. */
export const generated: readonly {
  readonly path: string
  readonly content: () => string
}[] = [
  { path: 'docs/configuration.md', content: configurationPage },
  { path: 'docs/errors.md', content: errorsPage },
  { path: 'charts/altiplano/values.schema.json', content: valuesSchema },
  { path: 'charts/altiplano/README.md', content: chartPage },
  { path: 'docs/metrics.md', content: metricsPage },
  { path: 'docs/alerts.md', content: alertsPage },
  { path: 'charts/altiplano/rules/altiplano.yaml', content: ruleFile },
  { path: 'runtimes/examples/prometheus-rule.yaml', content: ruleManifest },
  { path: 'charts/altiplano/dashboards/altiplano.json', content: dashboardFile },
  { path: 'docs/parameters.md', content: parametersPage },
  {
    path: 'docs/openapi.json',
    content: () => `${JSON.stringify(openApiDocument(version), null, 2)}\n`,
  },
]

/** Paths of generated files that differ from what the source gives. */
export async function staleFiles(): Promise<string[]> {
  const checks = generated.map(async ({ path, content }) => {
    const found = await readFile(new URL(path, root), 'utf8').catch(() => '')
    return found === content() ? [] : [path]
  })
  return (await Promise.all(checks)).flat()
}

async function main(): Promise<void> {
  const stale = await staleFiles()
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is stale: run npm run generate`)
    process.exitCode = stale.length > 0 ? 1 : 0
    return
  }
  const writes = generated
    .filter(({ path }) => stale.includes(path))
    .map(async ({ path, content }) => writeFile(new URL(path, root), content()))
  await Promise.all(writes)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
