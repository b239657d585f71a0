import { unixPath } from '../../base/listen.ts'

/** Whether a host is this machine, and nobody else can mean it. The file system says who may use a Unix socket. */
export function isLoopback(host: string): boolean {
  return (
    unixPath(host) !== undefined || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
  )
}
