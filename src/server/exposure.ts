import type { Logger } from 'pino'
import { ConfigError } from '../base/config-error.ts'
import type { Config } from '../config/schema.ts'
import { type ApiKeys, readApiKeys } from '../http/access/api-keys.ts'
import { readCertificate, type TlsFiles } from '../http/access/certificate.ts'
import { type Origins, readOrigins } from '../http/access/cors.ts'
import { isLoopback } from '../http/access/loopback.ts'
import { WatchedFiles } from '../http/access/watched-files.ts'

/** Whether clients on this machine are let in without a key, and no others: pages in its browsers are not meant. */
export function isOpenHere({ apiKeys, allowUnauthenticated }: Config): boolean {
  return apiKeys === undefined && !allowUnauthenticated
}

/** @throws ConfigError when any web page could use a server without keys. */
export function openOrigins(config: Config): Origins {
  const origins = readOrigins(config.allowedOrigins ?? '[]')
  if (origins.has('*') && isOpenHere(config))
    throw new ConfigError(
      '--allowed-origins * lets any web page use this server: give --api-keys FILE, name the origins, or give --allow-unauthenticated',
    )
  return origins
}

/** @throws ConfigError for a server without keys that others can reach: they could use it. */
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

export function openTls({ sslCertfile, sslKeyfile, sslCaCerts, sslCertReqs }: Config): TlsFiles | undefined {
  if ((sslCaCerts !== undefined) !== sslCertReqs > 0)
    throw new ConfigError('--ssl-ca-certs and --ssl-cert-reqs 1 or 2 go together: one of them is missing')
  if (sslCertfile === undefined && sslKeyfile === undefined) {
    if (sslCaCerts === undefined) return undefined
    throw new ConfigError('--ssl-ca-certs needs --ssl-certfile and --ssl-keyfile')
  }
  if (sslCertfile === undefined || sslKeyfile === undefined)
    throw new ConfigError('--ssl-certfile and --ssl-keyfile go together: one of them is missing')
  try {
    const files = [sslCertfile, sslKeyfile, ...(sslCaCerts === undefined ? [] : [sslCaCerts])]
    return new WatchedFiles(files, readCertificate)
  } catch (error) {
    throw new ConfigError(
      `--ssl-certfile ${sslCertfile}, --ssl-keyfile ${sslKeyfile}${sslCaCerts === undefined ? '' : `, --ssl-ca-certs ${sslCaCerts}`}: ${(error as Error).message}`,
    )
  }
}
