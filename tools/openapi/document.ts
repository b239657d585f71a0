import { errorKinds } from '../../src/base/errors.ts'
import { answerSchemas } from './answers.ts'
import { type FieldSchema, type FieldTree, schemaOf } from './field-tree.ts'
import type { RecordedRoute } from './record.ts'

/** OpenAPI 3.1: what the server's routes take and answer, as recorded from the server itself. */
export function openApiDocument(routes: readonly RecordedRoute[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = paths[route.route] ?? {}
    path[route.method.toLowerCase()] = operation(route)
    paths[route.route] = path
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Altiplano',
      version,
      description:
        'Recorded from the running server: the fields that it reads of a body, the limits that it checks, and the shapes of its answers; those of chat completions and completions, and of each event of their streams, are complete. The tree under /v1 is served under /openai/v1 too. Fields that are not listed are taken, have no effect, and are named in the x-ignored-params header; with --strict-params they are refused.',
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: { Error: errorSchema() }, responses: { Error: errorResponse() } },
  }
}

function operation({ method, route, body, ignored, refused, answers }: RecordedRoute): object {
  const parameters = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const content = [...answers].map(([type, recorded]) => {
    const schema = answerSchemas[route]?.[type] ?? recorded
    return [type, schema === undefined ? {} : { schema }]
  })
  return {
    operationId: `${method.toLowerCase()}${route.replaceAll(/[{}]/g, '').replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: bodySchema(body, refused) } } },
      'x-ignored': [...ignored].sort(),
      'x-refused': Object.fromEntries([...refused].sort()),
    }),
    responses: {
      200: { description: 'OK', content: Object.fromEntries(content) },
      default: { $ref: '#/components/responses/Error' },
    },
  }
}

/** Without the fields that are always refused. */
function bodySchema(body: FieldTree, refused: ReadonlyMap<string, string>): FieldSchema {
  const { properties = {}, ...schema } = schemaOf(body)
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !refused.has(name))),
  }
}

function errorSchema(): object {
  const nullable = { type: ['string', 'null'] }
  const kinds = Object.values(errorKinds)
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: { type: 'string' },
          type: { type: 'string', enum: [...new Set(kinds.map(({ type }) => type))] },
          param: nullable,
          code: { type: ['string', 'null'], enum: [...Object.keys(errorKinds), null] },
        },
      },
    },
  }
}

function errorResponse(): object {
  return {
    description: 'What went wrong: docs/errors.md lists the codes and their statuses.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  }
}
