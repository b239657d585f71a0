import { execFileSync } from 'node:child_process'

/** Process ids of the server's children by the last word of their title: text, engine. */
export function children(parent: number): Map<string, number> {
  const table = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(parent)], { encoding: 'utf8' })
  const rows = [...table.matchAll(/^\s*(\d+) altiplano (\w+)/gm)]
  return new Map(rows.map(([, pid, name]) => [name ?? '', Number(pid)]))
}
