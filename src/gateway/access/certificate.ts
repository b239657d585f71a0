import { createSecureContext } from 'node:tls'
import type { WatchedFiles } from './watched-files.ts'

export interface Certificate {
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
}

export type TlsFiles = WatchedFiles<Certificate>

/** Of a chain and its key, both in PEM. @throws Error when they do not fit together. */
export function readCertificate([cert, key]: readonly Buffer[]): Certificate {
  createSecureContext({ cert, key })
  return { cert, key }
}
