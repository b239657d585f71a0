import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metric } from '../support/metrics.ts'
import { PATIENCE } from '../support/patience.ts'
import { PROGRAM, parseLine, startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const file = join(folder, 'keys.yaml')
const admin = 'sk-admin-0123456789'
const user = 'sk-user-01234567890'
const keys = (more = ''): void =>
  writeFileSync(
    file,
    `keys:\n  - { name: a, key: ${admin}, admin: true }\n  - { name: u, key: ${user} }\n${more}`,
  )
afterAll(() => rmSync(folder, { recursive: true }))

let server: TestServer
const adminUrl = (): string =>
  String(server.logs.map(parseLine).find((line) => line?.msg === 'listening for administrators')?.['address'])

function post(path: string, body: object = {}, key?: string, base = adminUrl()): Promise<Response> {
  return fetch(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  })
}

describe('the admin port with keys', () => {
  beforeAll(async () => {
    keys()
    server = await startServer(['--admin-port', '0', '--api-keys', file], 'listening')
  })
  afterAll(() => server.stop())

  it.each([
    ['/admin/log-level', undefined, 401, 'invalid_api_key'],
    ['/admin/log-level', 'sk-nobody-0123456789', 401, 'invalid_api_key'],
    ['/admin/log-level', user, 403, 'not_permitted'],
    ['/admin/drain', user, 403, 'not_permitted'],
    ['/nowhere', user, 403, 'not_permitted'],
    ['/nowhere', admin, 404, 'unknown_url'],
    ['/v1/chat/completions', admin, 404, 'unknown_url'],
  ])('the admin port answers %s with key %s: %i', async (path, key, status, code) => {
    const answer = await post(path, { level: 'debug' }, key)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ error: { code } })
  })

  it('admin routes are unknown at the public port', async () => {
    expect((await post('/admin/drain', {}, admin, server.url)).status).toBe(404)
  })

  it('a new log level applies to every later line of the log', async () => {
    const probes = (): number => server.logs.filter((line) => line.includes('"path":"/health/live"')).length
    const probe = async (): Promise<number> => {
      await (await fetch(`${server.url}/health/live`)).text()
      await (await fetch(`${server.url}/health/live`)).text()
      return probes()
    }
    expect(await probe()).toBe(0)
    expect(await (await post('/admin/log-level', { level: 'debug' }, admin)).json()).toEqual({
      level: 'debug',
    })
    // What a process writes takes a moment to be read.
    const deadline = Date.now() + PATIENCE
    while ((await probe()) === 0 && Date.now() < deadline);
    expect(probes()).toBeGreaterThan(0)
    expect((await post('/admin/log-level', { level: 'loud' }, admin)).status).toBe(400)
    expect((await post('/admin/log-level', {}, admin)).status).toBe(400)
    await post('/admin/log-level', { level: 'info' }, admin)
  })

  it('a reload of the keys applies at once, and broken keys leave the last valid ones', async () => {
    const added = 'sk-added-0123456789'
    const status = async (): Promise<number> =>
      (await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${added}` } })).status
    keys(`  - { name: added, key: ${added} }\n`)
    expect(await (await post('/admin/keys/reload', {}, admin)).json()).toEqual({ changed: true })
    expect(await status()).toBe(200)
    expect(await (await post('/admin/keys/reload', {}, admin)).json()).toEqual({ changed: false })
    writeFileSync(file, 'keys: [')
    const broken = await post('/admin/keys/reload', {}, admin)
    expect([broken.status, await status()]).toEqual([400, 200])
  })
})

describe('the admin port without keys', () => {
  beforeAll(async () => {
    server = await startServer(['--admin-port', '0'])
  })
  afterAll(() => server.stop())

  it('the admin port listens on loopback only, and refuses other host names', async () => {
    expect(adminUrl()).toMatch(/^http:\/\/127\.0\.0\.1:/)
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve) => {
        request(`${adminUrl()}/admin/log-level`, { headers: { host } }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        }).end()
      })
    const asked = ['localhost', '127.0.0.1:9', '[::1]:9', 'evil.example', '127.0.0.1.evil.example']
    expect(await Promise.all(asked.map(status))).toEqual([200, 200, 200, 403, 403])
  })

  it('the admin port refuses the content types of web forms', async () => {
    const sent = await fetch(`${adminUrl()}/admin/drain`, {
      method: 'POST',
      body: new URLSearchParams({ a: 'b' }),
    })
    expect([sent.status, (await fetch(`${server.url}/health/ready`)).status]).toEqual([415, 200])
  })

  it('a drain by the admin port counts a later signal as the first one', async () => {
    const exited = once(server.process, 'exit')
    const running = fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'altiplano-demo', prompt: 'Hi', max_tokens: 300, ignore_eos: true }),
    })
    while ((await metric(server.url, 'vllm:num_requests_running')) !== 1);
    expect((await post('/admin/drain')).status).toBe(202)
    server.process.kill('SIGTERM')
    expect((await running).status).toBe(200)
    expect(await exited).toEqual([0, null])
  })

  it.each([
    ['an address that others reach', ['--admin-host', '0.0.0.0', '--allow-unauthenticated'], 2, /--api-keys/],
  ])('the server refuses to start its admin port on %s', (_name, flags, code, problem) => {
    const args = [PROGRAM, 'serve', '--port', '0', '--admin-port', '0', ...flags]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
    expect([status, stderr]).toEqual([code, expect.stringMatching(problem)])
  })
})
