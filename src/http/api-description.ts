import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { type ApiDocument, apiPage } from './api-page.ts'

// src/http/ and dist/http/ are both two below the package root.
const file = new URL('../../docs/openapi.json', import.meta.url)

/** GET /openapi.json, and /docs for people. OpenAPI 3.1. */
export function apiDescription(app: FastifyInstance): void {
  let text: string | undefined
  const read = (): string => {
    text ??= readFileSync(file, 'utf8')
    return text
  }
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(read()),
  )
  app.get('/docs', async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .send(apiPage(JSON.parse(read()) as ApiDocument)),
  )
}
