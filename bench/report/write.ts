import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { plots } from './plots.ts'
import type { Results } from './results.ts'
import { reportText } from './tables.ts'

/** report.json with every raw time, report.txt with the tables, and the plots. */
export function writeReport(directory: string, settings: object, results: Results): void {
  mkdirSync(directory, { recursive: true })
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)
  const { runs, servers } = results
  const report = { ...circumstances(), settings, servers, runs }
  write('report.json', `${JSON.stringify(report, withoutFolders)}\n`)
  write('report.txt', `${reportText(results)}\n`)
  for (const { name, svg } of plots(results.groups)) write(name, svg)
}

/** Reports are published: a file is known by its name, and where this machine keeps it is nobody's business. */
function withoutFolders(_key: string, value: unknown): unknown {
  return typeof value === 'string' && /^[.~]?\//.test(value) ? basename(value) : value
}

function circumstances(): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

/** Undefined outside a checkout. */
function commit(): string | undefined {
  try {
    const command = ['describe', '--always', '--dirty']
    return execFileSync('git', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
