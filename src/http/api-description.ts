import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

// src/http/ and dist/http/ are both two below the package root.
const file = new URL('../../docs/openapi.json', import.meta.url)

/** GET /openapi.json. OpenAPI 3.1. */
export function apiDescription(app: FastifyInstance): void {
  let text: string | undefined
  app.get('/openapi.json', async (_request, reply) => {
    text ??= readFileSync(file, 'utf8')
    return reply.type('application/json; charset=utf-8').send(text)
  })
}
