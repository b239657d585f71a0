import type { FastifyInstance } from 'fastify'
import type { Serving } from '../serving.ts'

const LATEST = ':latest'

/**
 * Reads NAME:latest, as Ollama's clients complete a name, as NAME, before any check of the models that a tenant may use. /api/show
 * had the model in `name` once.
 */
export function readTags(app: FastifyInstance, { names, embedding, adapters }: Serving): void {
  const served = (name: string): boolean =>
    names.includes(name) || adapters.find(name) !== undefined || embedding?.names.includes(name) === true
  app.addHook('preValidation', async ({ body }) => {
    if (typeof body !== 'object' || body === null) return
    const asked = body as { model?: unknown; name?: unknown }
    const { model = asked.name } = asked
    if (typeof model !== 'string') return
    const name = model.endsWith(LATEST) ? model.slice(0, -LATEST.length) : model
    asked.model = served(model) ? model : name
  })
}
