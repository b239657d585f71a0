import { execFileSync } from 'node:child_process'

/** Process ids of the server's children by the last word of their title: text, engine. */
export function children(parent: number): Map<string, number> {
  const table = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(parent)], { encoding: 'utf8' })
  const rows = [...table.matchAll(/^\s*(\d+) altiplano (\w+)/gm)]
  return new Map(rows.map(([, pid, name]) => [name ?? '', Number(pid)]))
}

/** Sends a signal to a child of the server. @throws Error where it is not there: a signal to process 0 is one to all of ours. */
export function signalChild(parent: number | undefined, name: string, signal: NodeJS.Signals): void {
  const child = parent === undefined ? undefined : children(parent).get(name)
  if (child === undefined) throw new Error(`there is no ${name} process`)
  process.kill(child, signal)
}
