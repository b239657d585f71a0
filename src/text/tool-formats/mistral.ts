import { JsonScanner } from '../scan/json-scanner.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import { CallObject } from './call-object.ts'
import type { CallSink, ToolFormat, ToolParser } from './tool-format.ts'

const CALLS = '[TOOL_CALLS]'
const ID = '[CALL_ID]'
const ARGS = '[ARGS]'

/** Both notations are read in either. */
const both = {
  markers: [CALLS, ID, ARGS],
  parser: (sink: CallSink): ToolParser => new MistralParser(sink),
  callId,
}

/** Mistral to v7: [TOOL_CALLS][{"name": "f", "arguments": {…}, "id": "…"}, …]. */
export const mistralList: ToolFormat = {
  ...both,
  name: 'mistral',
  recognises: (template) => template.includes(CALLS) && !template.includes(ARGS),
  notation: {
    mark: CALLS,
    begin: `${CALLS}[`,
    open: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    close: '}',
    between: ', ',
    end: ']',
  },
}

/** Mistral from v11: [TOOL_CALLS]f[ARGS]{…} for each call, perhaps with [CALL_ID]… before the arguments, or without [ARGS]. */
export const mistral: ToolFormat = {
  ...both,
  name: 'mistral-args',
  recognises: (template) => template.includes(CALLS),
  notation: { mark: CALLS, open: (name) => `${CALLS}${name}${ARGS}`, close: '', between: '' },
}

/** Mistral's templates refuse ids that are not nine letters or digits; equal ids stay equal. */
function callId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id
  const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
  let out = ''
  // FNV-1a, one round for each letter.
  for (let round = 0; round < 9; round++) {
    let hash = 0x811c9dc5 ^ round
    for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
    out += letters[(hash ^ (hash >>> 15)) & 63] ?? letters[round]
  }
  return out
}

/** `head`: behind [TOOL_CALLS]; `list`: between objects; `object`: in one; `args`, `broken`: in arguments. */
type State = 'text' | 'head' | 'list' | 'object' | 'args' | 'broken'

export class MistralParser implements ToolParser {
  readonly #sink: CallSink
  readonly #scanner: TagScanner
  #tag = ''
  #state: State = 'text'
  #object: CallObject
  #json = new JsonScanner()
  #listed = false
  /** The call as written, until the sink has heard of it. */
  #raw = ''

  /** @param tags each of which begins a call or a list of them. */
  constructor(sink: CallSink, tags: readonly string[] = [CALLS]) {
    this.#sink = sink
    this.#scanner = new TagScanner(tags)
    this.#object = new CallObject(sink, () => true)
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const scanned = this.#scanner.push(rest)
      this.#plain(scanned.text)
      if (scanned.tag !== undefined) this.#open(scanned.tag)
      rest = scanned.rest
    }
  }

  end(): void {
    this.#plain(this.#scanner.flush())
    this.#abandon()
  }

  #open(tag: string): void {
    const json = this.#state === 'args' ? this.#json : this.#state === 'object' ? this.#object : undefined
    if (json?.inString === true) {
      this.#plain(tag)
      return
    }
    this.#abandon()
    this.#state = 'head'
    this.#raw = this.#tag = tag
  }

  /** What was begun comes to nothing: it is text, or a call that ends here. */
  #abandon(): void {
    const inObject = this.#state === 'object' && this.#object.started
    if (inObject || this.#state === 'args' || this.#state === 'broken') this.#sink.callEnd()
    else if (this.#raw !== '') this.#sink.text(this.#raw)
    this.#raw = ''
    this.#state = 'text'
  }

  #plain(text: string): void {
    for (let at = 0; at < text.length; at++) {
      if (this.#state === 'text') {
        this.#sink.text(text.slice(at))
        return
      }
      if (this.#state === 'broken') {
        this.#sink.args(text.slice(at))
        return
      }
      this.#char(text.charAt(at))
    }
  }

  #char(char: string): void {
    if (this.#state === 'args') {
      this.#argsStep(char)
      return
    }
    this.#raw += char
    if (this.#state === 'head') this.#headStep(char)
    else if (this.#state === 'list') this.#listStep(char)
    else this.#objectStep(char)
  }

  #headStep(char: string): void {
    const head = this.#raw.slice(this.#tag.length).trimStart()
    if (head === '[') {
      this.#state = 'list'
      this.#listed = false
    } else if (char === '{') this.#begin(head.slice(0, -1))
    // A name, an id and two tags are short: what is longer, or has a line break in it, is none of it.
    else if (this.#raw.length > 256 || head.startsWith('{') || /[\r\n]/.test(head)) this.#abandon()
  }

  #begin(head: string): void {
    const name = /^([\w.-]{1,64})\s*(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?\s*$/.exec(head)?.[1]
    if (name === undefined) {
      this.#abandon()
      return
    }
    this.#raw = ''
    this.#sink.call(name)
    this.#state = 'args'
    this.#json = new JsonScanner()
    this.#argsStep('{')
  }

  #argsStep(char: string): void {
    const step = this.#json.push(char)
    this.#sink.args(char)
    if (step === 'end') this.#abandon()
    else if (step !== 'more') this.#state = 'broken'
  }

  #listStep(char: string): void {
    if (/[\s,]/.test(char)) return
    if (char === '{') {
      this.#state = 'object'
      this.#object = new CallObject(this.#sink, () => true)
      this.#object.push(char)
    } else if (char === ']' && this.#listed) {
      this.#raw = ''
      this.#state = 'text'
    } else this.#abandon()
  }

  #objectStep(char: string): void {
    const step = this.#object.push(char)
    if (this.#object.started) this.#raw = ''
    if (step === 'end') {
      this.#state = 'list'
      this.#listed = true
    } else if (step === 'broken') {
      if (!this.#object.started) {
        this.#abandon()
        return
      }
      this.#state = 'broken'
      this.#sink.args(char)
    }
  }
}
