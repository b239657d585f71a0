import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { WatchedFiles } from './watched-files.ts'

export interface Certificate {
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** Certificates of the authorities that sign those of clients; undefined: clients are asked for none. */
  readonly ca: Buffer | undefined
}

export type TlsFiles = WatchedFiles<Certificate>

/** Reads a chain, its key, and perhaps the authorities of clients, all in PEM. @throws Error when they do not fit together. */
export function readCertificate([cert, key, ca]: readonly Buffer[]): Certificate {
  createSecureContext({ cert, key, ca })
  // Node takes a file without any authority for one that trusts nobody.
  if (ca !== undefined) new X509Certificate(ca)
  return { cert, key, ca }
}
