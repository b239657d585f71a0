import { once } from 'node:events'
import { mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-socket-'))

/** Status of a GET over a Unix socket. */
async function get(socketPath: string, path: string): Promise<number | undefined> {
  const sent = request({ socketPath, path, headers: { host: 'localhost' } }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}

describe.skipIf(process.platform === 'win32')('a server on a Unix socket', () => {
  it('a server answers on a Unix socket that only its own user can write to, and removes it when it ends', async () => {
    const path = join(folder, 'a.sock')
    const server = await startServer(['--host', `unix:${path}`], 'listening')
    expect(server.url).toBe(`unix:${path}`)
    expect(statSync(path).mode & 0o022).toBe(0)
    while ((await get(path, '/health/ready')) !== 200) await pause(25)
    expect(await server.stop()).toBe(0)
    expect(() => statSync(path)).toThrow('ENOENT')
  })

  it('the socket of a server that was killed is replaced, and that of a running one is not', async () => {
    const path = join(folder, 'b.sock')
    const killed = await startServer(['--host', `unix:${path}`], 'listening')
    killed.process.kill('SIGKILL')
    await once(killed.process, 'exit')
    expect(statSync(path).isSocket()).toBe(true)
    const server = await startServer(['--host', `unix:${path}`], 'listening')
    expect(await get(path, '/health/live')).toBe(200)
    await expect(startServer(['--host', `unix:${path}`], 'listening')).rejects.toThrow(
      'another server listens',
    )
    await server.stop()
  })

  it('a client on a Unix socket may ask for any host: no web page reaches it', async () => {
    const path = join(folder, 'c.sock')
    const server = await startServer(['--host', `unix:${path}`], 'listening')
    const sent = request({
      socketPath: path,
      path: '/v1/models',
      headers: { host: 'chat.example.com' },
    }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    expect(response.statusCode).toBe(200)
    await server.stop()
  })

  it.each([
    ['a file that is no socket', 'plain', 'of something else'],
    ['a path that is too long for a socket', 'x'.repeat(200), 'longer than 103 bytes'],
    ['a folder that does not exist', 'no/such', 'the folder does not exist'],
    ['no path', undefined, 'unix:PATH'],
  ])('%s is refused at the start', async (_what, name, why) => {
    writeFileSync(join(folder, 'plain'), '')
    const host = `unix:${name === undefined ? '' : join(folder, name)}`
    await expect(startServer(['--host', host], 'listening')).rejects.toThrow(why)
  })
})
