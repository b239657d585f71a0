import type { Draw } from './draw.ts'
import { hostileValues } from './hostile-values.ts'
import { RawJson } from './json-text.ts'

/** The parts of JSON Schema that declarations of bodies use. */
export interface BodySchema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, BodySchema>>
  readonly items?: BodySchema
  readonly anyOf?: readonly BodySchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
}

type Container = Record<string, unknown> | unknown[]

/** A copy with one thing changed. */
export function mutate(body: unknown, schema: BodySchema | undefined, draw: Draw): unknown {
  const copy: unknown = structuredClone(body)
  if (!isContainer(copy)) return copy
  if (draw.once(3) && schema?.properties !== undefined && !Array.isArray(copy)) {
    const name = draw.of(Object.keys(schema.properties))
    copy[name] = draw.once(2) ? draw.of(hostileValues) : nearby(schema.properties[name] ?? {}, draw)
    return copy
  }
  const place = draw.of(placesOf(copy))
  change(place.holder, place.key, draw)
  return copy
}

interface Place {
  readonly holder: Container
  readonly key: string
}

function placesOf(root: Container): Place[] {
  const places: Place[] = []
  const left: Container[] = [root]
  for (let holder = left.pop(); holder !== undefined; holder = left.pop()) {
    for (const [key, value] of Object.entries(holder)) {
      places.push({ holder, key })
      if (isContainer(value)) left.push(value)
    }
  }
  return places.length > 0 ? places : [{ holder: root, key: Array.isArray(root) ? '0' : 'x' }]
}

function change(holder: Container, key: string, draw: Draw): void {
  const fields = holder as Record<string, unknown>
  const value = fields[key]
  const changes: (() => void)[] = [
    () => assign(fields, key, draw.of(hostileValues)),
    () => assign(fields, key, draw.of(hostileValues)),
    () => delete fields[key],
    () => assign(fields, key, [value]),
    () => assign(fields, key, { value }),
    () => assign(fields, key, JSON.stringify(value) ?? ''),
    () =>
      assign(
        fields,
        key,
        Array.from({ length: 1 + draw.below(50) }, () => value),
      ),
    () =>
      assign(fields, key, typeof value === 'string' ? unlikeText(value, draw) : value === true ? 1 : null),
    () => assign(fields, draw.of(['unknown', '', 'toString', '😀', key.toUpperCase(), `${key} `]), value),
  ]
  draw.of(changes)()
}

function assign(fields: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true })
}

function unlikeText(text: string, draw: Draw): string {
  const at = draw.below(text.length + 1)
  return (
    text.slice(0, at) + draw.of(['\u0000', '"', '\\', '😀', '\n', 'a'.repeat(200), '\ud83d']) + text.slice(at)
  )
}

/** On, just within, and just beyond the limits of a field. */
function nearby(schema: BodySchema, draw: Draw): unknown {
  const { type, minimum = 0, maximum = 100, maxLength = 64 } = schema
  if (schema.anyOf !== undefined) return nearby(draw.of(schema.anyOf), draw)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined && draw.below(4) > 0) return draw.of(schema.enum)
  const kind = draw.of([type ?? draw.of(['string', 'number', 'array', 'object'])].flat())
  if (kind === 'null') return null
  if (kind === 'boolean') return draw.once(2)
  if (kind === 'integer' || kind === 'number') {
    const step = kind === 'integer' ? 1 : 0.01
    return draw.of([minimum, maximum, minimum - step, maximum + step, minimum + step, maximum / 2, 1, 3])
  }
  if (kind === 'string') return 'x'.repeat(draw.of([0, 1, maxLength, maxLength + 1]))
  if (kind === 'array') return Array.from({ length: draw.below(4) }, () => nearby(schema.items ?? {}, draw))
  const names = Object.keys(schema.properties ?? {})
  return Object.fromEntries(
    names.filter(() => draw.once(2)).map((name) => [name, nearby(schema.properties?.[name] ?? {}, draw)]),
  )
}

/** Bytes that are no longer the JSON that they were. */
export function breakBytes(bytes: Buffer, draw: Draw): Buffer {
  const at = draw.below(bytes.length + 1)
  const insert = (piece: Buffer | string): Buffer =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(piece), bytes.subarray(at)])
  const flipped = Buffer.from(bytes)
  if (flipped.length > 0) flipped.writeUInt8(draw.below(256), draw.below(flipped.length))
  const half = bytes.subarray(0, at)
  return draw.of<() => Buffer>([
    () => half,
    () => flipped,
    () => insert(Buffer.from([draw.below(256)])),
    () => insert(draw.of([',', '}', ']', '{', '[', '"', ':', '\\', '\u0000', '/*x*/', 'NaN'])),
    () => insert(Buffer.from([0xc0, 0xaf])),
    () => Buffer.concat([Buffer.from('\ufeff'), bytes]),
    () => Buffer.concat([bytes, bytes]),
    () => Buffer.concat([bytes, Buffer.alloc(1000, 0x20)]),
    () => Buffer.alloc(0),
    () => Buffer.from(draw.of(['null', '[]', '1', '"x"', 'true', '{', '{"a":1,}', '[['.repeat(50_000)])),
    () => Buffer.from(bytes.toString('utf8'), 'utf16le'),
    () => Buffer.from(Array.from({ length: draw.below(200) }, () => draw.below(256))),
  ])()
}

/** The same object with one of its keys twice. */
export function doubleKey(body: Record<string, unknown>, draw: Draw): RawJson {
  const key = draw.of([...Object.keys(body), '__proto__'])
  const text = JSON.stringify(body)
  const again = `${JSON.stringify(key)}:${JSON.stringify(draw.once(2) ? body[key] : 'other') ?? 'null'}`
  return new RawJson(text === '{}' ? `{${again}}` : `{${again},${text.slice(1)}`)
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null && !(value instanceof RawJson)
}
