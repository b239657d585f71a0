import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'

/** HTTP/1.1: a request names its host, once. */
export function checkHost(app: FastifyInstance, ownOnly: boolean): void {
  app.addHook('onRequest', async ({ raw }) => {
    const [host, second] = raw.headersDistinct['host'] ?? []
    if (second !== undefined || (host === undefined && raw.httpVersion === '1.1'))
      throw new ServingError('invalid_value', 'Your request is not valid HTTP: it needs one Host header')
    if (ownOnly && host !== undefined && !isOwnHost(host)) throw foreignHost()
  })
}

/**
 * Whether nobody else can own a name: addresses, names without a dot, and those of endings that are never sold. A web page whose
 * own name points at this machine by now (DNS rebinding) has the browser ask by that name, as a page of the same origin.
 */
export function isOwnHost(host: string): boolean {
  const parts = /^(?:\[(?<address>[^\]]+)\]|(?<name>[^:]*))(?::\d*)?$/.exec(host)?.groups
  if (parts?.['address'] !== undefined) return isIP(parts['address']) === 6
  const name = parts?.['name']?.toLowerCase().replace(/\.$/, '')
  if (name === undefined) return false
  return isIP(name) === 4 || !name.includes('.') || /\.(localhost|local|internal)$/.test(name)
}

function foreignHost(): ServingError {
  return new ServingError(
    'not_permitted',
    'Without keys this server is asked by an address or a name of this machine, not by one that others can own: start it with --api-keys FILE, or with --allow-unauthenticated where something in front asks for keys.',
  )
}
