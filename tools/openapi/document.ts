import { type Answers, aliases, answers, schemas } from './answers/routes.ts'
import { either, type Schema } from './answers/schema.ts'
import { bodies, bodySchemas, optionalBodies } from './bodies.ts'

const DESCRIPTION = `Bodies are described by the declarations that the server reads them by. Fields that are not listed are taken, have no effect, and are named in the x-ignored-params header, as are those with x-ignored; with --strict-params they are refused. Fields with x-refused are answered 400. Some limits are those of the model or the server and not told here.
Of answers all of each is described, and of streams each event but [DONE]: every answer to every test is held to this document. The tree under /v1 is served under /openai/v1 and at the root, too.`

/** OpenAPI 3.1: what the server's routes take and answer. */
export function openApiDocument(version: string): object {
  const paths: Record<string, object> = {}
  for (const [key, answer] of Object.entries(answers)) {
    const [method = '', path = ''] = key.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(method, path, answer) }
  }
  for (const [path, other] of Object.entries(aliases))
    paths[path] = { $ref: `#/paths/${other.replaceAll('/', '~1')}` }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Altiplano',
      version,
      description: DESCRIPTION,
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: namedSchemas(),
      responses: {
        Error: failed(schemas.Error),
        OllamaError: failed(either(schemas.OllamaError, schemas.HttpError)),
        AnthropicError: failed(either(schemas.AnthropicError, schemas.HttpError)),
      },
    },
  }
}

function operation(method: string, route: string, { content, notReady, errors }: Answers): object {
  const body = method === 'POST' ? bodies[route] : undefined
  const parameters = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    operationId: `${method.toLowerCase()}${route.replaceAll(/[{}]/g, '').replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !optionalBodies.has(route),
        content: contentOf({ 'application/json': body }),
      },
    }),
    responses: {
      200: { description: 'OK', content: contentOf(content) },
      ...(notReady && {
        503: {
          description: 'It is not ready.',
          content: contentOf({ 'application/json': either(notReady, schemas[errors]) }),
        },
      }),
      default: { $ref: `#/components/responses/${errors}` },
    },
  }
}

function contentOf(content: Readonly<Record<string, Schema>>): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [type, { schema: referring(schema) }]),
  )
}

function failed(schema: Schema): object {
  return {
    description: 'What went wrong: docs/errors.md lists the codes and their statuses.',
    content: contentOf({ 'application/json': schema }),
  }
}

const named = { ...schemas, ...bodySchemas }
const names = new Map<unknown, string>(Object.entries(named).map(([name, schema]) => [schema, name]))

function namedSchemas(): object {
  return Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, insideReferring(schema)]))
}

/** What has a name is described once. */
function referring(node: unknown): unknown {
  const name = names.get(node)
  return name === undefined ? insideReferring(node) : { $ref: `#/components/schemas/${name}` }
}

function insideReferring(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(referring)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, referring(value)]))
}
