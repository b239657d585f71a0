import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { plots } from './plots.ts'
import type { Results, Run, ServerStats } from './results.ts'
import { reportText } from './tables.ts'

/** Writes report.json.gz: every raw time. */
export function writeRuns(
  directory: string,
  settings: object,
  servers: readonly ServerStats[],
  runs: readonly Run[],
): void {
  const report = { ...circumstances(), settings, servers, runs }
  write(directory, 'report.json.gz', gzipSync(`${JSON.stringify(report, withoutFolders)}\n`))
}

/** Writes report.json.gz, report.txt with the tables, and the plots. */
export function writeReport(directory: string, settings: object, results: Results): void {
  writeRuns(directory, settings, results.servers, results.runs)
  write(directory, 'report.txt', `${reportText(results)}\n`)
  for (const { name, svg } of plots(results.groups)) write(directory, name, svg)
}

function write(directory: string, name: string, content: string | Uint8Array): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), content)
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
