import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { COMPILED } from '../base/start-thread.ts'
import { childEnvironment } from './child-environment.ts'

/** URL of a child process's entry file, compiled or not. */
export function childEntry(name: 'engine' | 'text' | 'embedding' | 'gpu'): URL {
  return new URL(`../workers/${name}-process.${COMPILED ? 'js' : 'ts'}`, import.meta.url)
}

/** Forks a Node process with a channel to it. @param flags of Node and V8. */
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

/** Calls `onLine` with each line that a child writes. */
export function onLines({ stdout, stderr }: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [stdout, stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', onLine)
  }
}

/** The line, cut to 300 characters, where it may be why a process ended; else undefined. */
export function complaintIn(line: string): string | undefined {
  return /\b(error|failed)\b/i.test(line) ? line.slice(0, 300) : undefined
}
