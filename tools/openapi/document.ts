import { type Answers, aliases, answers, schemas } from './answers/routes.ts'
import { either, type Schema } from './answers/schema.ts'
import { type FieldSchema, type FieldTree, schemaOf } from './field-tree.ts'
import type { RecordedRoute } from './record.ts'

/** OpenAPI 3.1: what the server's routes take, as recorded from the server itself, and what they answer. */
export function openApiDocument(routes: readonly RecordedRoute[], version: string): object {
  const bodies = new Map(routes.map((route) => [`${route.method} ${route.route}`, route]))
  const paths: Record<string, object> = {}
  for (const [key, answer] of Object.entries(answers)) {
    const [method = '', path = ''] = key.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(method, path, bodies.get(key), answer) }
  }
  for (const [path, other] of Object.entries(aliases))
    paths[path] = { $ref: `#/paths/${other.replaceAll('/', '~1')}` }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Altiplano',
      version,
      description:
        'Of request bodies: the fields that the running server was seen to read, and the limits that it checks. Of answers, and of each event of a stream but [DONE]: all of them, whole; every answer in the tests is held to it. The tree under /v1 is served under /openai/v1 too. Fields that are not listed are taken, have no effect, and are named in the x-ignored-params header; with --strict-params they are refused.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: namedSchemas(),
      responses: { Error: failed('Error'), AnthropicError: failed('AnthropicError') },
    },
  }
}

function operation(
  method: string,
  route: string,
  recorded: RecordedRoute | undefined,
  { content, notReady, errors }: Answers,
): object {
  const parameters = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    operationId: `${method.toLowerCase()}${route.replaceAll(/[{}]/g, '').replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    ...(parameters.length > 0 && { parameters }),
    ...(recorded?.body && bodyOf(recorded, recorded.body)),
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

function bodyOf({ ignored, refused }: RecordedRoute, body: FieldTree): object {
  return {
    requestBody: { required: true, content: { 'application/json': { schema: bodySchema(body, refused) } } },
    'x-ignored': [...ignored].sort(),
    'x-refused': Object.fromEntries([...refused].sort()),
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

function failed(schema: Answers['errors']): object {
  return {
    description: 'What went wrong: docs/errors.md lists the codes and their statuses.',
    content: contentOf({ 'application/json': schemas[schema] }),
  }
}

const names = new Map<unknown, string>(Object.entries(schemas).map(([name, schema]) => [schema, name]))

function namedSchemas(): object {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, insideReferring(schema)]))
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
