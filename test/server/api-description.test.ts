import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { samples } from '../support/samples/samples.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface Document {
  readonly openapi: string
}

let server: TestServer
let document: Document

beforeAll(async () => {
  server = await startServer()
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
})
afterAll(() => server.stop())

/** Holds a body to what the description says of its route. */
const validatorOf = (path: string): ValidateFunction => {
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema({ ...document, $id: 'api' })
  const pointer = `/paths/${path.replaceAll('/', '~1')}/post/requestBody/content/application~1json/schema`
  return ajv.compile({ $ref: `api#${encodeURI(pointer)}` })
}

describe('the description of the API', () => {
  it('the server serves the OpenAPI description that the repository keeps', () => {
    const kept = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')
    expect(document).toEqual(JSON.parse(kept))
    expect(document.openapi).toBe('3.1.0')
  })

  it.each(samples.filter(({ body }) => body !== undefined))(
    'the description accepts the sample of $route',
    ({ route, body }) => {
      const validate = validatorOf(route)
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
  ])('the description refuses $field: $value, as the server does', async ({ field, value }) => {
    const body = { model: 'altiplano-demo', messages: [{ role: 'user', content: 'Hi' }], [field]: value }
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const valid = validatorOf('/v1/chat/completions')
    expect([answer.status, valid(body)]).toEqual([400, false])
  })
})
