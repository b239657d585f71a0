import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { TlsFiles } from './access/certificate.ts'

/** Whether clients show certificates: not asked for; checked where a client has one; needed. Python's ssl, uvicorn: CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED. */
export type ClientCertificates = 'unasked' | 'checked' | 'needed'

interface Transport {
  readonly tls: TlsFiles | undefined
  readonly clientCertificates: ClientCertificates
  readonly receiveMs: number
}

/** Options of fastify for HTTP or HTTPS. Node's defaults are a minute for headers, and a check every 30 s. */
export function transportOf({ tls, clientCertificates, receiveMs }: Transport): object {
  const headersTimeout = Math.min(receiveMs, 30_000)
  const common = {
    headersTimeout,
    connectionsCheckingInterval: Math.min(receiveMs / 4, 5000),
    // Its answer would be empty: see checkHost.
    requireHostHeader: false,
  }
  if (tls === undefined) return { http: common }
  const clients = {
    requestCert: clientCertificates !== 'unasked',
    rejectUnauthorized: clientCertificates === 'needed',
  }
  return { https: { ...common, ...tls.value, ...clients, handshakeTimeout: headersTimeout } }
}

/** Closes connections of clients whose certificate is not trusted: Node would let them in, where none is needed. */
export function refuseUnknown(server: Server): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (!socket.authorized && Object.keys(socket.getPeerCertificate() ?? {}).length > 0) socket.destroy()
  })
}
