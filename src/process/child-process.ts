import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { COMPILED } from '../base/start-thread.ts'
import { childEnvironment } from './child-environment.ts'

/** Where the entry of a child process lies, compiled or not. */
export function childEntry(name: 'engine' | 'text' | 'embedding' | 'gpu'): URL {
  return new URL(`../workers/${name}-process.${COMPILED ? 'js' : 'ts'}`, import.meta.url)
}

/** A process of Node's own with a channel to it. @param flags of Node and V8. */
export function forked(
  entry: URL,
  env?: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): ChildProcess {
  return fork(entry, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...childEnvironment(process.env), ...env },
    execArgv: [...flags, ...(COMPILED ? [] : ['--import', 'tsx'])],
  })
}

/** Hears what a child writes, line by line. */
export function onLines({ stdout, stderr }: ChildProcess, heard: (line: string) => void): void {
  for (const stream of [stdout, stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', heard)
  }
}

/** A line that may be why a process ended, as far as a reason has room for it; undefined: it is none. */
export function complaintIn(line: string): string | undefined {
  return /\b(error|failed)\b/i.test(line) ? line.slice(0, 300) : undefined
}
