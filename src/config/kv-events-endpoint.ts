/** Address on which a ZeroMQ socket listens, or that it dials. */
export interface Endpoint {
  readonly listens: boolean
  /** The host; undefined: all addresses. */
  readonly host: string | undefined
  readonly port: number
}

/** Pattern of ZeroMQ's transport over TCP; with `@` before it the socket listens, with `>` it dials, as in czmq. */
export const ENDPOINT = '^[@>]?tcp://(\\*|\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):\\d{1,5}$'

/**
 * Parses an endpoint. As in vLLM, an endpoint that names no single machine listens, and any other is dialled.
 * @param text that ENDPOINT matches.
 */
export function parseEndpoint(text: string): Endpoint {
  const [, sign, address = '', port] = /^([@>]?)tcp:\/\/(.+):(\d+)$/.exec(text) ?? []
  const host = address.replace(/^\[(.*)\]$/, '$1')
  const anywhere = ['*', '0.0.0.0', '::'].includes(host)
  return {
    listens: sign === '' ? anywhere : sign === '@',
    host: host === '*' ? undefined : host,
    port: Number(port),
  }
}
