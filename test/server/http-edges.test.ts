import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isOwnHost } from '../../src/http/access/hosts.ts'
import { parseLine, startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const file = join(folder, 'keys.yaml')
const admin = 'sk-admin-0123456789'
const user = 'sk-user-01234567890'
writeFileSync(file, `keys:\n  - { name: a, key: ${admin}, admin: true }\n  - { name: u, key: ${user} }\n`)

let keyed: TestServer
let open: TestServer
let fronted: TestServer
beforeAll(async () => {
  keyed = await startServer(['--admin-port', '0', '--api-keys', file], 'listening')
  open = await startServer(['--admin-port', '0'], 'listening')
  fronted = await startServer(['--allow-unauthenticated'], 'listening')
})
afterAll(async () => {
  for (const server of [keyed, open, fronted]) await server.stop()
  rmSync(folder, { recursive: true })
})

const adminUrl = ({ logs }: TestServer): string =>
  String(logs.map(parseLine).find((line) => line?.msg === 'listening for administrators')?.['address'])

interface Answer {
  readonly status: number
  readonly head: string
  readonly error: { code?: string; type?: string; message?: string; param?: null }
}

/** What comes back for bytes, until the server closes. */
async function send(url: string, text: string): Promise<Answer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(text)
  let answer = ''
  for await (const bytes of socket) answer += String(bytes)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const { error } = JSON.parse(/\{.*\}/s.exec(body)?.[0] ?? '{}') as Partial<Answer>
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, error: error ?? {} }
}

const line = (name: string, value: string): string => `${name}: ${value}\r\n`
const key = (value: string): string => line('Authorization', `Bearer ${value}`)
const get = (url: string, path: string, headers = '', host = line('Host', '127.0.0.1')): Promise<Answer> =>
  send(url, `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n${headers}\r\n`)

const MALFORMED = ['/v1/%zz', '/v1/models/%zz', '/v1/models/%', '/%ff', '/health%zz', '*', 'http:///v1']
const LONG = `/v1/models/${'m'.repeat(5000)}`

describe('a path that the router refuses', () => {
  it.each([...MALFORMED, LONG, 'http://127.0.0.1/v1/%zz'])(
    'a path that the router refuses needs a key: %s',
    async (path) => {
      expect(await get(keyed.url, path)).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } })
      const asked = await get(keyed.url, path, key(user) + line('X-Request-Id', 'edge'))
      expect(asked).toMatchObject({ status: 404, error: { code: expect.any(String) } })
      expect(asked.head).toMatch(/\r\nx-request-id: edge\r\n/)
    },
    60_000,
  )

  it('a path that the router refuses is answered in the shape of its protocol, and logged', async () => {
    const path = '/v1/messages/%zz-edge'
    expect(await get(keyed.url, path)).toMatchObject({ status: 401, error: { type: 'authentication_error' } })
    const found = await get(keyed.url, path, key(user))
    expect(found).toMatchObject({ status: 404, error: { type: 'not_found_error' } })
    expect(found.error.message).toContain('/v1/messages/%zz-edge)')
    const logged = () => keyed.logs.map(parseLine).filter((one) => String(one?.['path']).includes('zz-edge'))
    await expect.poll(() => logged().map((one) => one?.['status'])).toEqual([401, 404])
  })

  it('a malformed query does not make its path unknown', async () => {
    expect((await get(keyed.url, '/v1/models?a=%zz', key(user))).status).toBe(200)
  })

  it('a malformed path at the admin port is refused without a key, then for its role or its name', async () => {
    for (const path of ['/admin/%zz', '*', `/admin/${'a'.repeat(5000)}`]) {
      expect(await get(adminUrl(keyed), path)).toMatchObject({
        status: 401,
        error: { code: 'invalid_api_key' },
      })
      expect(await get(adminUrl(keyed), path, key(user))).toMatchObject({ status: 403 })
      expect(await get(adminUrl(keyed), path, key(admin))).toMatchObject({
        status: 404,
        error: { code: 'unknown_url' },
      })
      expect(await get(adminUrl(open), path, '', line('Host', 'evil.example'))).toMatchObject({
        status: 403,
        error: { code: 'not_permitted' },
      })
      expect(await get(adminUrl(open), path)).toMatchObject({ status: 404 })
    }
  })
})

describe('malformed HTTP', () => {
  const ports = [
    ['the port of clients', () => open.url],
    ['the admin port', () => adminUrl(open)],
    ['the port of clients, with keys', () => keyed.url],
    ['the admin port, with keys', () => adminUrl(keyed)],
  ] as const

  it.each(ports)("malformed HTTP is answered with an error in the API's shape at %s", async (_name, url) => {
    for (const [text, status, code] of [
      ['GARBAGE\r\n\r\n', 400, 'invalid_value'],
      [`GET / HTTP/1.1\r\n${line('X', 'a'.repeat(20_000))}\r\n`, 431, 'headers_too_large'],
      ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'invalid_value'],
      ['GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\nConnection: close\r\n\r\n', 400, 'invalid_value'],
      ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405, 'method_not_supported'],
      ['CONNECT example.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01', 405, 'method_not_supported'],
      ['GET / HTTP/1.1\r\nHost: a\r\nExpect: much\r\n\r\n', 417, 'expectation_failed'],
    ] as const) {
      const answer = await send(url(), text)
      expect([text.slice(0, 40), answer.status, answer.error.code]).toEqual([text.slice(0, 40), status, code])
      expect(answer.head).toMatch(/\r\nx-request-id: [\w-]{36}(\r\n|$)/)
    }
    // What knows no Host needs none.
    expect((await send(url(), 'GET / HTTP/1.0\r\n\r\n')).status).not.toBe(400)
  })

  it('the server survives a client that resets its connection after CONNECT', async () => {
    for (let count = 0; count < 20; count++) {
      const socket = connect(Number(new URL(open.url).port), '127.0.0.1')
      socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
      socket.resetAndDestroy()
    }
    expect((await get(open.url, '/health/live')).status).toBe(200)
    expect(open.process.exitCode).toBeNull()
  })
})

describe('repeated key headers', () => {
  it.each([
    ['authorization', key(user) + key(user)],
    ['another first', key('sk-nobody-0123456789') + key(user)],
    ['another last', key(user) + line('AUTHORIZATION', 'Bearer sk-nobody-0123456789')],
    ['of another scheme', line('authorization', 'Basic abc') + key(user)],
    ['x-api-key', line('X-Api-Key', user) + line('x-api-key', user)],
    ['x-api-key, beside authorization', key(user) + line('X-Api-Key', user) + line('x-api-key', user)],
  ])('a repeated key header is refused with 401: %s', async (_name, headers) => {
    for (const url of [keyed.url, adminUrl(keyed)]) {
      const text = headers.replaceAll(user, url === keyed.url ? user : admin)
      expect(await get(url, '/v1/models', text)).toMatchObject({
        status: 401,
        error: { code: 'invalid_api_key' },
      })
    }
  })

  it('a key in both the authorization and the x-api-key header is accepted', async () => {
    expect((await get(keyed.url, '/v1/models', key(user) + line('x-api-key', user))).status).toBe(200)
  })
})

describe('a host name that others can own', () => {
  const own = [
    '127.0.0.1:8080',
    '10.1.2.3',
    '[::1]:8080',
    '[fe80::1]',
    'localhost',
    'LocalHost.:80',
    'a.localhost',
    'desk',
    'desk.local:8080',
    'Host.Docker.Internal:8080',
    '',
  ]
  const others = [
    'evil.example',
    'evil.example:9150',
    'EVIL.EXAMPLE.',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'notlocal.example',
    'evillocal.example:80',
    '1.2.3.4.5',
    '[evil.example]',
    'user@evil.example',
    'a:b:c',
  ]
  it.each(own)('the host %s is one of this machine', (host) => expect(isOwnHost(host)).toBe(true))
  it.each(others)('the host %s is one that others can own', (host) => expect(isOwnHost(host)).toBe(false))

  it('a foreign host name is refused on every route of a server without keys', async () => {
    for (const path of ['/v1/models', '/health/live', '/metrics', '/nowhere', '/v1/%zz'])
      expect(await get(open.url, path, '', line('Host', 'evil.example:9150'))).toMatchObject({
        status: 403,
        error: { code: 'not_permitted' },
      })
    expect(await get(open.url, '/v1/messages/x', '', line('Host', 'evil.example'))).toMatchObject({
      status: 403,
      error: { type: 'permission_error' },
    })
    for (const host of own)
      expect((await get(open.url, '/v1/models', '', line('Host', host))).status).toBe(200)
  })

  it('a foreign host name is accepted where the server or a proxy before it requires keys', async () => {
    const host = line('Host', 'api.example')
    expect((await get(keyed.url, '/v1/models', key(user), host)).status).toBe(200)
    expect((await get(fronted.url, '/v1/models', '', host)).status).toBe(200)
  })
})
