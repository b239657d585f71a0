import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { WireAnswer } from './wire.ts'

interface Operation {
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: object }>>
}
type PathItem = Readonly<Record<string, Operation>> & { readonly $ref?: string }

const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  readonly paths: Readonly<Record<string, PathItem>>
}

const ajv = new Ajv2020({ strict: false })
ajv.addSchema({ ...document, $id: 'openapi' })

/** A part of the document, by its JSON pointer. */
function at<T>(pointer: string): T | undefined {
  let node: unknown = document
  for (const step of pointer.split('/').slice(1)) {
    if (typeof node !== 'object' || node === null) return undefined
    node = (node as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return node as T | undefined
}

/** Templates with more letters of their own first: a model's name may hold slashes. */
const routes = Object.keys(document.paths)
  .sort((a, b) => b.replaceAll(/\{\w+\}/g, '').length - a.replaceAll(/\{\w+\}/g, '').length)
  .map((path) => {
    const literal = path.split(/\{\w+\}/).map((text) => text.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&'))
    return { path, pattern: new RegExp(`^${literal.join('.+')}$`) }
  })

/** The admin port has no description: it is for the operator alone. */
const UNDESCRIBED = /^\/admin\//

/** Holds an exchange to docs/openapi.json. Undefined: the answer is as the document says, and so is a request that was served. */
export function wrongIn(answer: WireAnswer): string | undefined {
  const { asked, status, type, body, whole } = answer
  const path = pathOf(asked?.url ?? '')
  if (UNDESCRIBED.test(path)) return undefined
  // A browser's preflight, which Fetch describes for every path alike.
  if (asked?.method === 'OPTIONS' && status === 204) return undefined
  const what = `${asked?.method ?? 'no request'} ${path} answered ${status} ${type}`
  const found = responseOf(asked?.method.toLowerCase() ?? '', path, status)
  if (found === undefined) return `${what}, and no operation of the document has it`
  if (asked?.method === 'HEAD') return undefined
  const refused = status === 200 ? wrongRequest(asked, path) : undefined
  if (refused !== undefined) return `${what}: the body is none that the document allows: ${refused}`
  const media = `${found}/content/${escaped(type)}`
  if (at(media) === undefined) return `${what}, and the document has no such content of it`
  if (at(`${media}/schema`) === undefined) return undefined
  const validate = validatorAt(`${media}/schema`)
  for (const value of valuesOf(type, body, whole)) {
    if (validate(value)) continue
    return `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value).slice(0, 2000)}`
  }
  return undefined
}

/** Of a body that was served. */
function wrongRequest(asked: WireAnswer['asked'], path: string): string | undefined {
  const method = asked?.method.toLowerCase() ?? ''
  const route = routeOf(method, path)
  const schema = `${pointerOf(route ?? '')}/${method}/requestBody/content/application~1json/schema`
  if (route === undefined || asked?.body === undefined || at(schema) === undefined) return undefined
  const value: unknown = JSON.parse(
    Buffer.from(asked.body, 'latin1')
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  )
  const validate = validatorAt(schema)
  if (validate(value)) return undefined
  return `${ajv.errorsText(validate.errors)}\n${JSON.stringify(value).slice(0, 2000)}`
}

/** Both trees are the same. */
function pathOf(url: string): string {
  const path = (url.split('?', 1)[0] ?? '').replace(/^\/openai\/v1\//, '/v1/')
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

/** Where the document describes the response. What no route answers is an error of the tree that the path lies in. */
function responseOf(method: string, path: string, status: number): string | undefined {
  const route = routeOf(method, path)
  if (route !== undefined) {
    const operation = `${pointerOf(route)}/${method}/responses`
    const response =
      at(`${operation}/${status}`) === undefined ? `${operation}/default` : `${operation}/${status}`
    if (status < 400 && response.endsWith('/default')) return undefined
    return at<{ readonly $ref?: string }>(response)?.$ref?.slice(1) ?? response
  }
  // GET has its HEAD.
  if (method === 'head') return responseOf('get', path, status)
  if (status < 400) return undefined
  return `/components/responses/${/^\/v1\/messages(\/|$)/.test(path) ? 'AnthropicError' : 'Error'}`
}

function routeOf(method: string, path: string): string | undefined {
  return routes.find((each) => each.pattern.test(path) && methodsOf(each.path)[method] !== undefined)?.path
}

function methodsOf(path: string): PathItem {
  return at<PathItem>(pointerOf(path)) ?? {}
}

function pointerOf(path: string): string {
  return at<PathItem>(`/paths/${escaped(path)}`)?.$ref?.slice(1) ?? `/paths/${escaped(path)}`
}

function escaped(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1')
}

const validators = new Map<string, ValidateFunction>()

function validatorAt(pointer: string): ValidateFunction {
  const known = validators.get(pointer) ?? ajv.compile({ $ref: `openapi#${encodeURI(pointer)}` })
  validators.set(pointer, known)
  return known
}

/** What is to fit the schema: the body, or each event of a stream. What was cut off has no meaning. */
function valuesOf(type: string, body: string, whole: boolean): unknown[] {
  if (type === 'application/json') return whole ? [JSON.parse(body)] : []
  if (type !== 'text/event-stream') return whole ? [body] : []
  return body
    .split('\n\n')
    .slice(0, -1)
    .flatMap((frame) => {
      const [, name, data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(frame) ?? []
      if (data === undefined || data === '[DONE]') return []
      const value = JSON.parse(data) as { type?: unknown }
      // A name is the type of its data.
      return [name === undefined || name === value.type ? value : { name, value }]
    })
}
