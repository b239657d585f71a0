import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { ConfigError } from '../base/config-error.ts'
import { listenOn, listenPlace } from '../base/listen.ts'
import type { Config } from '../config/schema.ts'
import type { ApiKeys } from '../http/access/api-keys.ts'
import { isLoopback } from '../http/access/loopback.ts'
import type { WatchedFiles } from '../http/access/watched-files.ts'
import { buildAdminServer } from './admin-server.ts'

/** @throws ConfigError for an admin port without keys that others can reach: they could stop the server. */
export function checkAdminExposure({ adminPort, adminHost, apiKeys }: Config): void {
  if (adminPort === undefined || apiKeys !== undefined || isLoopback(adminHost)) return
  throw new ConfigError(
    `Others can reach --admin-host ${adminHost}: give --api-keys FILE, with a key that has admin: true`,
  )
}

/** Opens the admin port, where there is one. */
export async function openAdminPort(
  { adminPort, adminHost }: Config,
  keyFile: WatchedFiles<ApiKeys> | undefined,
  log: Logger,
  drain: () => void,
): Promise<FastifyInstance | undefined> {
  if (adminPort === undefined) return undefined
  const app = buildAdminServer({
    log,
    keys: () => keyFile?.value,
    reloadKeys: keyFile && (() => keyFile.refresh()),
    drain,
  })
  const server = { listen: (host: string, port: number) => app.listen(listenPlace(host, port)) }
  const address = await listenOn(server, { host: adminHost, port: adminPort, portFlag: '--admin-port' })
  log.info({ address }, 'listening for administrators')
  return app
}
