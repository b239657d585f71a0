import { JsonScanner } from '../scan/json-scanner.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import type { CallSink, OfferedTools, ToolFormat, ToolParser } from './tool-format.ts'

const NEXT = '>>>'
const ALL = 'all'
const MAX_NAME = 64

/**
 * Functionary 3.2: parts with >>> between, the first one opened by the prompt: all\ntext for the user, f\n{…} for a call.
 */
export const functionary: ToolFormat = {
  name: 'functionary',
  recognises: (template) => template.includes(`${NEXT}${ALL}`),
  markers: [],
  parser: (sink, offered) => new FunctionaryParser(sink, offered),
  lead: `${ALL}\n`,
  notation: {
    open: (name) => `${name}\n`,
    close: '',
    between: NEXT,
    leading: { opening: (name) => [`${name}\n`], rest: '', behind: [NEXT] },
  },
}

type State = 'name' | 'content' | 'call' | 'plain'

class FunctionaryParser implements ToolParser {
  readonly #sink: CallSink
  readonly #offered: OfferedTools
  readonly #scanner = new TagScanner([NEXT])
  #state: State = 'name'
  #name = ''
  #first = true
  #json = new JsonScanner()
  #received = 0
  #contentStart: number | undefined

  constructor(sink: CallSink, offered: OfferedTools) {
    this.#sink = sink
    this.#offered = offered
  }

  get contentStart(): number | undefined {
    return this.#contentStart
  }

  push(piece: string): void {
    this.#received += piece.length
    for (let rest = piece; rest !== ''; ) {
      const { text, tag, rest: behind } = this.#scanner.push(rest)
      rest = behind
      this.#text(text, rest.length + (tag?.length ?? 0))
      if (tag !== undefined) this.#next(rest.length)
    }
  }

  end(): void {
    this.#text(this.#scanner.flush(), 0)
    if (this.#state === 'name') this.#giveUp(0)
    if (this.#state === 'call') this.#sink.callEnd()
  }

  /** @param behind characters received behind this text. */
  #text(text: string, behind: number): void {
    for (let at = 0; at < text.length; at++) {
      if (this.#state === 'content' || this.#state === 'plain') {
        this.#sink.text(text.slice(at))
        return
      }
      if (this.#state === 'name') this.#nameStep(text.charAt(at), text.length - at - 1 + behind)
      else {
        this.#json.push(text.charAt(at))
        this.#sink.args(text.charAt(at))
      }
    }
  }

  #nameStep(char: string, behind: number): void {
    if (char === '\n' && this.#begin(this.#name.trim(), behind)) return
    this.#name += char
    if (char === '\n' || this.#name.length > MAX_NAME) this.#giveUp(behind)
  }

  /** False when this opens no part. */
  #begin(name: string, behind: number): boolean {
    if (name === ALL) {
      this.#state = 'content'
      this.#contentStart ??= this.#received - behind
    } else if (this.#offered.has(name)) {
      this.#state = 'call'
      this.#json = new JsonScanner()
      this.#sink.call(name)
    } else return false
    this.#name = ''
    this.#first = false
    return true
  }

  /** What was taken for a name is content, as is the mark before it. */
  #giveUp(behind: number): void {
    const text = this.#first ? this.#name : NEXT + this.#name
    this.#contentStart ??= this.#received - behind - text.length
    this.#state = this.#first ? 'plain' : 'content'
    this.#name = ''
    this.#sink.text(text)
  }

  #next(behind: number): void {
    if (this.#state === 'plain' || (this.#state === 'call' && this.#json.inString)) {
      this.#text(NEXT, behind)
      return
    }
    if (this.#state === 'name') this.#giveUp(behind + NEXT.length)
    else if (this.#state === 'call') this.#sink.callEnd()
    this.#state = 'name'
    this.#first = false
  }
}
