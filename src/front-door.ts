import type { Logger } from 'pino'
import { ConfigError } from './config/config-error.ts'
import type { Config } from './config/schema.ts'
import { KeyFile } from './gateway/access/key-file.ts'
import { TlsFiles } from './gateway/access/tls-files.ts'

/** Whoever can reach a server without keys can use it. */
export function checkExposure({ host, apiKeys, allowUnauthenticated }: Config): void {
  if (apiKeys !== undefined || allowUnauthenticated || isLoopback(host)) return
  throw new ConfigError(
    `Others can reach ${host}: give --api-keys FILE, or --allow-unauthenticated where something in front of this server asks for keys`,
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

export function openKeyFile({ apiKeys }: Config, log: Logger): KeyFile | undefined {
  if (apiKeys === undefined) return undefined
  try {
    return new KeyFile(apiKeys, log)
  } catch (error) {
    throw new ConfigError(`--api-keys ${apiKeys}: ${(error as Error).message}`)
  }
}

export function openTls({ sslCertfile, sslKeyfile }: Config): TlsFiles | undefined {
  if (sslCertfile === undefined && sslKeyfile === undefined) return undefined
  if (sslCertfile === undefined || sslKeyfile === undefined)
    throw new ConfigError('--ssl-certfile and --ssl-keyfile go together: one of them is missing')
  try {
    return new TlsFiles(sslCertfile, sslKeyfile)
  } catch (error) {
    throw new ConfigError(
      `--ssl-certfile ${sslCertfile}, --ssl-keyfile ${sslKeyfile}: ${(error as Error).message}`,
    )
  }
}
