import type { BenchOptions } from '../options.ts'
import { type BuiltServer, startBuiltServer } from './built-server.ts'
import { type BenchServer, connect } from './server.ts'

/** The base first: the built server, unless another took its place. What was started is stopped when a later one fails. */
export async function startServers(options: BenchOptions): Promise<BenchServer[]> {
  const { base, against, timeoutMs } = options
  const servers = [
    base === undefined ? await startBase(options) : await connect(base.name, base.baseUrl, timeoutMs),
  ]
  try {
    for (const { name, baseUrl } of against) servers.push(await connect(name, baseUrl, timeoutMs))
  } catch (error) {
    await stopServers(servers)
    throw error
  }
  return servers
}

export async function stopServers(servers: readonly BenchServer[]): Promise<void> {
  for (const server of servers) await server.stop()
}

async function startBase({ serve, timeoutMs }: BenchOptions): Promise<BenchServer> {
  const built = await startBuiltServer(serve)
  const { target } = await connect('altiplano', `${built.url}/v1`, timeoutMs)
  const cpuAtStart = built.gatewayCpuUs()
  return {
    name: 'altiplano',
    target,
    stats: () => statsOf(built, cpuAtStart),
    stop: () => built.stop(),
  }
}

function statsOf(built: BuiltServer, cpuAtStart: number): Record<string, number> {
  const resident = Object.entries(built.memory()).map(([name, bytes]) => [
    `${name}, resident MiB`,
    bytes / 2 ** 20,
  ])
  return {
    'spawn to listening, ms': built.listeningMs,
    'spawn to ready, ms': built.readyMs,
    'gateway CPU, ms': (built.gatewayCpuUs() - cpuAtStart) / 1000,
    ...Object.fromEntries(resident),
  }
}
