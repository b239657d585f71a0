import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE, until } from '../support/patience.ts'
import { PROGRAM, startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const cert = join(folder, 'tls.crt')
const key = join(folder, 'tls.key')
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) console.warn('TLS: skipped, there is no openssl to make certificates with')

afterAll(() => rmSync(folder, { recursive: true }))

function makeCertificate(name: string): void {
  const [newKey, newCert] = [join(folder, 'new.key'), join(folder, 'new.crt')]
  const subject = ['-subj', `/CN=${name}`, '-days', '1', '-keyout', newKey, '-out', newCert]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
    {
      stdio: 'ignore',
    },
  )
  renameSync(newKey, key)
  renameSync(newCert, cert)
}

interface Answer {
  readonly status: number | undefined
  readonly name: unknown
  readonly text: string
}

function ask(url: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url, { method, headers, rejectUnauthorized: false, agent: false }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate()
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => resolve({ status: response.statusCode, name: subject.CN, text }))
    })
    sent.on('error', reject)
    sent.end(body && JSON.stringify(body))
  })
}

describe.skipIf(!hasOpenssl)('HTTPS', () => {
  let server: TestServer
  beforeAll(async () => {
    makeCertificate('first')
    server = await startServer(['--ssl-certfile', cert, '--ssl-keyfile', key], 'listening')
    await until(async () => (await ask(`${server.url}/health/ready`)).status === 200)
  })
  afterAll(async () => {
    await server.stop()
  })

  it('the server answers and streams over HTTPS, and refuses plain HTTP', async () => {
    expect(server.url).toMatch(/^https:/)
    const body = { model: 'altiplano-demo', messages: [{ role: 'user', content: 'What is 2+2?' }] }
    expect(await ask(`${server.url}/v1/chat/completions`, body)).toMatchObject({ status: 200, name: 'first' })
    const streamed = await ask(`${server.url}/v1/chat/completions`, { ...body, stream: true })
    expect(streamed.text).toMatch(/data: \[DONE\]\n\n$/)
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow()
  })

  it('the server reloads its certificate, and keeps the last valid one when the files are broken', async () => {
    makeCertificate('second')
    const name = async (): Promise<unknown> => (await ask(`${server.url}/health`)).name
    await until(async () => (await name()) === 'second')
    writeFileSync(cert, 'nothing')
    const told = (): boolean => server.logs.some((line) => line.includes('certificate cannot be read'))
    await until(told)
    expect(await name()).toBe('second')
  })

  it.each([
    ['a certificate without a key', ['--ssl-certfile', cert], /go together/],
    ['files that are not there', ['--ssl-certfile', '/no/a', '--ssl-keyfile', '/no/b'], /\/no\/a/],
  ])('HTTPS does not start with %s', (_name, flags, problem) => {
    const args = [PROGRAM, 'serve', '--port', '0', ...flags]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: PATIENCE })
    expect([status, stderr]).toEqual([2, expect.stringMatching(problem)])
  })

  it.each([
    [['--ssl-ca-certs', cert], /go together/],
    [['--ssl-cert-reqs', '2'], /go together/],
    [['--ssl-ca-certs', cert, '--ssl-cert-reqs', '2'], /needs --ssl-certfile/],
  ])('HTTPS does not start with %j alone', (flags, problem) => {
    const args = [PROGRAM, 'serve', '--port', '0', ...flags]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: PATIENCE })
    expect([status, stderr]).toEqual([2, expect.stringMatching(problem)])
  })
})

/** A certificate that signs itself, so that it is its own signer. */
function clientOf(name: string): { readonly cert: string; readonly key: string } {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const subject = ['-subj', `/CN=${name}`, '-days', '1', '-keyout', files.key, '-out', files.cert]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
    { stdio: 'ignore' },
  )
  return files
}

describe.skipIf(!hasOpenssl)('client certificates', () => {
  let server: TestServer
  afterEach(() => server.stop())

  it.each([
    ['1', { known: 200, none: 200, unknown: 'refused' }],
    ['2', { known: 200, none: 'refused', unknown: 'refused' }],
  ])('client certificates are checked with --ssl-cert-reqs %s', async (reqs, expected) => {
    makeCertificate('server')
    const [known, unknown] = [clientOf('known'), clientOf('unknown')]
    const tls = ['--ssl-certfile', cert, '--ssl-keyfile', key, '--ssl-ca-certs', known.cert]
    server = await startServer([...tls, '--ssl-cert-reqs', reqs], 'listening')
    const ask = (client?: { cert: string; key: string }): Promise<number | string | undefined> =>
      new Promise((resolve) => {
        const own = client && { cert: readFileSync(client.cert), key: readFileSync(client.key) }
        const sent = request(
          `${server.url}/health/live`,
          { rejectUnauthorized: false, agent: false, ...own },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode)
          },
        )
        sent.on('error', () => resolve('refused'))
        sent.end()
      })
    expect({ known: await ask(known), none: await ask(), unknown: await ask(unknown) }).toEqual(expected)
  })
})
