/** Where a ZeroMQ socket listens, or whom it calls. */
export interface Endpoint {
  readonly listens: boolean
  /** Undefined: on all addresses. */
  readonly host: string | undefined
  readonly port: number
}

/** ZeroMQ's transport over TCP; czmq: `@` before it listens, `>` calls. */
export const ENDPOINT = '^[@>]?tcp://(\\*|\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):\\d{1,5}$'

/**
 * vLLM: one that names no single machine listens, any other is called.
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
