import type { Logger } from 'pino'
import { ConfigError } from './config/config-error.ts'
import type { Config } from './config/schema.ts'
import { type ApiKeys, readApiKeys } from './gateway/access/api-keys.ts'
import { readCertificate, type TlsFiles } from './gateway/access/certificate.ts'
import { isLoopback } from './gateway/access/loopback.ts'
import { WatchedFiles } from './gateway/access/watched-files.ts'

/** Whoever can reach a server without keys can use it. */
export function checkExposure({ host, apiKeys, allowUnauthenticated }: Config): void {
  if (apiKeys !== undefined || allowUnauthenticated || isLoopback(host)) return
  throw new ConfigError(
    `Others can reach ${host}: give --api-keys FILE, or --allow-unauthenticated where something in front of this server asks for keys`,
  )
}

export function openKeyFile({ apiKeys }: Config, log: Logger): WatchedFiles<ApiKeys> | undefined {
  if (apiKeys === undefined) return undefined
  try {
    const files = new WatchedFiles([apiKeys], ([content]) => readApiKeys(String(content)))
    files.watch('api keys', log)
    return files
  } catch (error) {
    throw new ConfigError(`--api-keys ${apiKeys}: ${(error as Error).message}`)
  }
}

export function openTls({ sslCertfile, sslKeyfile }: Config): TlsFiles | undefined {
  if (sslCertfile === undefined && sslKeyfile === undefined) return undefined
  if (sslCertfile === undefined || sslKeyfile === undefined)
    throw new ConfigError('--ssl-certfile and --ssl-keyfile go together: one of them is missing')
  try {
    return new WatchedFiles([sslCertfile, sslKeyfile], readCertificate)
  } catch (error) {
    throw new ConfigError(
      `--ssl-certfile ${sslCertfile}, --ssl-keyfile ${sslKeyfile}: ${(error as Error).message}`,
    )
  }
}
