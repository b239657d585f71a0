import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface BuiltServer {
  readonly url: string
  readonly listeningMs: number
  readonly readyMs: number
  /** Resident bytes by process: gateway, text, engine. */
  memory(): Record<string, number>
  /** CPU the gateway has used so far, in microseconds. */
  gatewayCpuUs(): number
  stop(): Promise<void>
}

/** The built server, as a user starts it; times from spawn. */
export async function startBuiltServer(flags: readonly string[]): Promise<BuiltServer> {
  const started = performance.now()
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string }
      if (msg === 'listening' && address !== undefined) resolve(address)
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const listeningMs = performance.now() - started
  while (!(await fetch(`${url}/health/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 5))
  const readyMs = performance.now() - started
  const pid = child.pid ?? 0
  return {
    url,
    listeningMs,
    readyMs,
    memory: () => memoryOf(pid),
    gatewayCpuUs: () => cpuUs(pid),
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

function memoryOf(gateway: number): Record<string, number> {
  const table = execFileSync(
    'ps',
    ['-o', 'rss=,args=', '--pid', String(gateway), '--ppid', String(gateway)],
    { encoding: 'utf8' },
  )
  const rows = [...table.matchAll(/^\s*(\d+) altiplano (\w+)/gm)]
  return Object.fromEntries(rows.map(([, rss, name]) => [name ?? '', 1024 * Number(rss)]))
}

/** Linux: /proc/PID/stat, fields 14 and 15, in clock ticks of 10 ms. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
