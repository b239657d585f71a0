import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { WatchedFiles } from './watched-files.ts'

export interface Certificate {
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** Of those who sign the certificates of clients; undefined: none are asked for. */
  readonly ca: Buffer | undefined
}

export type TlsFiles = WatchedFiles<Certificate>

/** Of a chain and its key, and perhaps the signers of clients, all in PEM. @throws Error when they do not fit together. */
export function readCertificate([cert, key, ca]: readonly Buffer[]): Certificate {
  createSecureContext({ cert, key, ca })
  // Node takes a file of signers without any for one that trusts nobody.
  if (ca !== undefined) new X509Certificate(ca)
  return { cert, key, ca }
}
