import type { CallSink } from '../scan/call-sink.ts'
import type { CallReader, CallStep } from '../scan/call-syntax.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import { isText, member, propertyOf, typeOf, valueJson } from './untyped-value.ts'

/** Arguments as elements, and what is within them as elements, too: each tag stands behind a prefix. */
export interface NestedTags {
  readonly prefix: string
  /** Name of the elements of an array. */
  readonly item: string
  /** Tag that ends the call, without the prefix. */
  readonly callEnd: string
}

/** How a value of a schema is written within its element. `json`: where the schema says too little, or too much. */
export function writtenAs(schema: unknown): 'text' | 'members' | 'items' | 'json' {
  if (isText(schema)) return 'text'
  const only = (...allowed: string[]): boolean =>
    Object.keys(schema as object).every((key) => [...allowed, 'type', 'title', 'description'].includes(key))
  const type = member(schema, 'type')
  if (type === 'object' && hasMembers(schema) && only('properties', 'required', 'additionalProperties'))
    return 'members'
  if (type === 'array' && isObject(member(schema, 'items')) && only('items', 'minItems', 'maxItems'))
    return 'items'
  return 'json'
}

/** A name that can be that of an element. */
export const ELEMENT_NAME = /^[^<>"&\s/]+$/

/** Whether members are named, and each by what can be the name of an element. */
function hasMembers(schema: unknown): boolean {
  const [properties, required = []] = [member(schema, 'properties'), member(schema, 'required')]
  if (!isObject(properties) || !Array.isArray(required)) return false
  const names = Object.keys(properties)
  return (
    names.length > 0 && [...names, ...required].every((name) => ELEMENT_NAME.test(name) && name in properties)
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Element {
  readonly name: string
  text: string
  readonly children: Element[]
}

/** Most elements within each other: what is deeper belongs to the last of them. */
const MAX_DEPTH = 64

/** Reads elements up to the tag that ends the call. A closing tag closes the element of its name, or else the last one. */
export class NestedArguments implements CallReader {
  readonly started = true
  readonly inString = false
  readonly #sink: CallSink
  readonly #schema: unknown
  readonly #tags: NestedTags
  readonly #prefixes: TagScanner
  /** The tag that is being read. */
  #tag: string | undefined
  readonly #open: Element[] = []
  #separator = ''

  constructor(sink: CallSink, name: string, schema: unknown, tags: NestedTags) {
    this.#sink = sink
    this.#schema = schema
    this.#tags = tags
    this.#prefixes = new TagScanner([tags.prefix])
    sink.call(name)
    sink.args('{')
  }

  push(char: string): CallStep {
    if (this.#tag === undefined) {
      const { text, tag } = this.#prefixes.push(char)
      this.#text(text)
      if (tag !== undefined) this.#tag = ''
      return 'more'
    }
    this.#tag += char
    if (char !== '>') return 'more'
    const tag = this.#tag
    this.#tag = undefined
    return this.#read(tag)
  }

  /** Sends a string as it was cut; of what is in elements, nothing. */
  end(): void {
    this.#text(this.#prefixes.flush())
    const [top] = this.#open
    if (top === undefined || this.#open.length > 1 || top.children.length > 0) return
    this.#pair(top.name, JSON.stringify(top.text).slice(0, -1))
  }

  #text(text: string): void {
    const last = this.#open.at(-1)
    if (last !== undefined) last.text += text
  }

  #read(tag: string): CallStep {
    const last = this.#open.at(-1)
    if (tag === this.#tags.callEnd && tag !== `</${last?.name}>`) {
      while (this.#open.length > 0) this.#close(this.#open.length - 1)
      this.#sink.args('}')
      return 'end'
    }
    if (tag.startsWith('</')) {
      const at = this.#open.findLastIndex(({ name }) => tag === `</${name}>`)
      const to = at === -1 ? this.#open.length - 1 : at
      while (this.#open.length > Math.max(0, to)) this.#close(this.#open.length - 1)
    } else if (tag.startsWith('<') && this.#open.length < MAX_DEPTH) {
      const element = { name: tag.slice(1, -1), text: '', children: [] }
      last?.children.push(element)
      this.#open.push(element)
    }
    return 'more'
  }

  #close(at: number): void {
    const element = this.#open.pop()
    if (at === 0 && element !== undefined)
      this.#pair(element.name, this.#json(element, propertyOf(this.#schema, element.name)))
  }

  #pair(name: string, json: string): void {
    this.#sink.args(`${this.#separator}${JSON.stringify(name)}: ${json}`)
    this.#separator = ', '
  }

  #json({ text, children }: Element, schema: unknown): string {
    const type = typeOf(schema)
    if (children.length === 0) {
      if (text.trim() !== '' || isText(schema)) return valueJson(text, schema)
      return type === 'array' ? '[]' : member(schema, 'type') === 'object' ? '{}' : '""'
    }
    const isList = children.every(({ name }) => name === this.#tags.item)
    if (type === 'array' || (isList && propertyOf(schema, this.#tags.item) === undefined)) {
      const items = member(schema, 'items')
      return `[${children.map((child) => this.#json(child, items)).join(', ')}]`
    }
    const members = new Map(
      children.map((child) => [child.name, this.#json(child, propertyOf(schema, child.name))]),
    )
    return `{${[...members].map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(', ')}}`
  }
}
