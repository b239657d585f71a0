import { setTimeout as pause } from 'node:timers/promises'
import type { ChatRecord } from '../../bench/client/chat.ts'
import { capacityOf, openLoop } from '../../bench/client/pace.ts'
import { startServer, type TestServer } from '../../test/support/server.ts'
import { stream } from './load.ts'
import { ReadinessProxy, type Upstream } from './readiness-proxy.ts'

export interface RollingOptions {
  readonly restarts: number
  /** Of the measured capacity. */
  readonly load: number
  /** Of each answer. */
  readonly tokens: number
  readonly measureSeconds: number
  /** Between two restarts, at least. Kubernetes: minReadySeconds. */
  readonly restSeconds: number
  readonly flags: readonly string[]
  readonly onRestart?: (restart: Restart) => void
}

export interface Restart {
  /** Streams that the replica had when it was told to end. */
  readonly streams: number
  readonly drainMs: number
  readonly startMs: number
  readonly code: number | null
}

export interface RollingReport {
  /** Streams a second. */
  readonly capacity: number
  readonly restarts: readonly Restart[]
  readonly streams: readonly ChatRecord[]
}

const SLOTS = 4

interface Replica {
  readonly server: TestServer
  readonly upstream: Upstream
}

/** Restarts one of two replicas after the other, each by SIGTERM, while streams keep coming through a proxy. */
export async function rollingRestarts(options: RollingOptions): Promise<RollingReport> {
  const proxy = new ReadinessProxy()
  const load = { url: await proxy.listen(), tokens: options.tokens }
  const replicas: Replica[] = []
  try {
    for (let count = 0; count < 2; count++) replicas.push(await start(proxy, options))
    const capacity = await capacityOf(2 * SLOTS, options.measureSeconds, (lane, turn) =>
      stream(load, 1000 * lane + turn),
    )
    const over = new AbortController()
    const streams = openLoop(
      options.load * capacity,
      () => !over.signal.aborted,
      (index) => stream(load, index),
    )
    const restarts: Restart[] = []
    for (let round = 0; round < options.restarts; round++) {
      await pause(1000 * options.restSeconds)
      // What else the machine does may have made a queue, which is not what is asked about.
      const patience = performance.now() + 30_000
      while (replicas.some(({ upstream }) => upstream.inFlight > 2 * SLOTS) && performance.now() < patience)
        await pause(50)
      const restart = await replace(replicas, round % 2, proxy, options)
      restarts.push(restart)
      options.onRestart?.(restart)
    }
    over.abort()
    return { capacity, restarts, streams: await streams }
  } finally {
    await Promise.all(replicas.map(({ server }) => server.stop()))
    proxy.close()
  }
}

async function start(proxy: ReadinessProxy, { flags }: RollingOptions): Promise<Replica> {
  // Takes work until the proxy has asked again for readiness; one replica has to bear the load of two for a while.
  const enough = ['--slots', String(SLOTS), '--context-size', '512', '--max-queue', '1000']
  const all = [...enough, '--shutdown-delay', '1', ...flags]
  const server = await startServer(all)
  const upstream = proxy.add(server.url)
  while (!upstream.ready) await pause(10)
  return { server, upstream }
}

/** As a Deployment of two does it by default: the next one is ready before the old one is told to end. */
async function replace(
  replicas: Replica[],
  index: number,
  proxy: ReadinessProxy,
  options: RollingOptions,
): Promise<Restart> {
  const startedAt = performance.now()
  const next = await start(proxy, options)
  const { server, upstream } = replicas[index] as Replica
  replicas[index] = next
  // A restart without a stream shows nothing; with a load there is one in a moment.
  const patience = performance.now() + 30_000
  while (upstream.inFlight === 0 && performance.now() < patience) await pause(5)
  const streams = upstream.inFlight
  const toldAt = performance.now()
  const code = await server.stop()
  proxy.remove(upstream)
  return { streams, code, startMs: toldAt - startedAt, drainMs: performance.now() - toldAt }
}
