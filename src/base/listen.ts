import { ConfigError } from './config-error.ts'

/** An address, and the flags that chose it. */
export interface ListenOn {
  readonly host: string
  readonly port: number
  readonly portFlag: string
}

/** Resolves to the address. @throws ConfigError that says what to do. */
export async function listenOn(
  server: { listen(host: string, port: number): Promise<string> },
  { host, port, portFlag }: ListenOn,
): Promise<string> {
  try {
    return await server.listen(host, port)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const where = `${host}:${port}`
    if (code === 'EADDRINUSE')
      throw new ConfigError(
        `Cannot listen on ${where}: the port is in use. Choose another with ${portFlag}`,
        1,
      )
    if (code === 'EACCES') throw new ConfigError(`Cannot listen on ${where}: not permitted`, 1)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConfigError(`Cannot listen on ${where}: this machine has no such address`, 1)
    }
    throw error
  }
}
