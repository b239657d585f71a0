import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { ConfigError } from './config-error.ts'

/** An address, and the flags that chose it. */
export interface ListenOn {
  /** Host, or `unix:PATH`. */
  readonly host: string
  readonly port: number
  readonly portFlag: string
}

/** Resolves to the address. @throws ConfigError that says what to do. */
export async function listenOn(
  server: { listen(host: string, port: number): Promise<string> },
  { host, port, portFlag }: ListenOn,
): Promise<string> {
  const path = unixPath(host)
  try {
    if (path === undefined) return await server.listen(host, port)
    if (Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw new ConfigError(`Cannot listen on ${host}: the path is longer than ${MAX_PATH_BYTES} bytes`, 1)
    await removeStale(path)
    await server.listen(host, port)
    return host
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const where = path === undefined ? `${host}:${port}` : host
    const why = path === undefined ? reasons(portFlag)[code ?? ''] : PATH_REASONS[code ?? '']
    if (why !== undefined) throw new ConfigError(`Cannot listen on ${where}: ${why}`, 1)
    throw error
  }
}

/** The path of a Unix socket, for a host that is written `unix:PATH`; undefined for one that has a port. */
export function unixPath(host: string): string | undefined {
  return host.startsWith('unix:') ? host.slice('unix:'.length) : undefined
}

/** A place to listen as Node and fastify take it. */
export function listenPlace(host: string, port: number): { path: string } | { host: string; port: number } {
  const path = unixPath(host)
  return path === undefined ? { host, port } : { path }
}

function reasons(portFlag: string): Readonly<Record<string, string>> {
  const noAddress = 'this machine has no such address'
  return {
    EADDRINUSE: `the port is in use. Choose another with ${portFlag}`,
    EACCES: 'not permitted',
    EADDRNOTAVAIL: noAddress,
    ENOTFOUND: noAddress,
  }
}

/** libuv: a folder that does not exist is EACCES. */
const PATH_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another server listens there, or the path is of something else',
  EACCES: 'not permitted, or the folder does not exist',
}

/** Bytes of a socket's path: 107 on Linux, 103 on macOS. libuv cuts what is longer, and listens elsewhere. */
const MAX_PATH_BYTES = 103

/** Removes the socket of a server that was killed: nobody listens on it, and nobody could. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket() && !(await isAnswered(path))) await unlink(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    // Any other error is of a socket that somebody uses: one of another kind, or of a server that is busy.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'))
    socket.once('connect', () => {
      resolve(true)
      socket.destroy()
    })
  })
}
