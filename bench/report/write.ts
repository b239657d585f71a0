import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { plots } from './plots.ts'
import type { Results, Run, ServerStats } from './results.ts'
import { reportText } from './tables.ts'

/** report.json: every raw time. */
export function writeRuns(
  directory: string,
  settings: object,
  servers: readonly ServerStats[],
  runs: readonly Run[],
): void {
  const report = { ...circumstances(), settings, servers, runs }
  write(directory, 'report.json', `${JSON.stringify(report, withoutFolders)}\n`)
}

/** report.json, report.txt with the tables, and the plots. */
export function writeReport(directory: string, settings: object, results: Results): void {
  writeRuns(directory, settings, results.servers, results.runs)
  write(directory, 'report.txt', `${reportText(results)}\n`)
  for (const { name, svg } of plots(results.groups)) write(directory, name, svg)
}

function write(directory: string, name: string, text: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), text)
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
