import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { samples } from '../../tools/openapi/samples.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface Operation {
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } }
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

let server: TestServer
let document: Document

beforeAll(async () => {
  server = await startServer()
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
})
afterAll(() => server.stop())

const schemaOf = (path: string): object =>
  document.paths[path]?.['post']?.requestBody?.content['application/json'].schema ?? { not: {} }

describe('the description of the API', () => {
  it('is served as it is kept', () => {
    const kept = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')
    expect(document).toEqual(JSON.parse(kept))
    expect(document.openapi).toBe('3.1.0')
  })

  it.each(samples.filter(({ body }) => body !== undefined))(
    'takes the sample of $route',
    ({ route, body }) => {
      const validate = new Ajv2020({ strict: false }).compile(schemaOf(route))
      expect([validate(body), validate.errors]).toEqual([true, null])
    },
  )

  it.each([
    { field: 'temperature', value: 3 },
    { field: 'n', value: 0 },
    { field: 'stream', value: 'yes' },
    { field: 'messages', value: 'Hi' },
    { field: 'tools', value: 'hammer' },
    { field: 'response_format', value: { type: 'poem' } },
  ])('refuses $field: $value, as the server does', async ({ field, value }) => {
    const body = { model: 'altiplano-demo', messages: [{ role: 'user', content: 'Hi' }], [field]: value }
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const valid = new Ajv2020({ strict: false }).compile(schemaOf('/v1/chat/completions'))
    expect([answer.status, valid(body)]).toEqual([400, false])
  })
})
