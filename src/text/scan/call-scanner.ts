import type { CallSink, ToolParser } from './call-sink.ts'
import type { CallReader, CallSyntax, Head } from './call-syntax.ts'
import { TagScanner } from './tag-scanner.ts'
import { TrailingSpace } from './trailing-space.ts'

/** State of a scanner. `broken`: in arguments that are not what they should be; `plain`: in text for good. */
type State =
  | { readonly in: 'text' | 'broken' | 'plain' }
  | { readonly in: 'head'; readonly step: ReturnType<Head> }
  | { readonly in: 'call'; readonly reader: CallReader; readonly next: Head | undefined }

/** Separates calls from text in any notation that a CallSyntax describes. */
export class CallScanner implements ToolParser {
  readonly #sink: CallSink
  readonly #syntax: CallSyntax
  /** Looks for the tags that count in each state. */
  readonly #tags: Readonly<Record<State['in'], TagScanner>>
  /** White space that is not part of broken arguments if the closing tag follows. */
  readonly #space = new TrailingSpace()
  #state: State = { in: 'text' }
  /** Input that is text if no call comes of it, and the tag that it begins with. */
  #raw = ''
  #opening = ''
  /** Number of characters read. */
  #read = 0
  #contentStart: number | undefined

  constructor(sink: CallSink, syntax: CallSyntax) {
    const { opens, leading, tags = [], ends = [], close } = syntax
    const all = new TagScanner([...Object.keys(opens), ...tags, ...ends])
    const inside = close === undefined ? all : new TagScanner([])
    const broken = close === undefined ? all : new TagScanner([close])
    this.#sink = sink
    this.#syntax = syntax
    this.#tags = { text: all, head: inside, call: inside, broken, plain: all }
    this.#enter(leading)
  }

  get contentStart(): number | undefined {
    return this.#contentStart
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) rest = this.#scan(rest)
  }

  end(): void {
    this.#untagged(this.#tags[this.#state.in].flush())
    if (this.#state.in === 'call') this.#state.reader.end?.()
    this.#abandon()
  }

  /** Reads up to the end of the next tag. Returns what is still to be read. */
  #scan(input: string): string {
    const { text, tag, rest } = this.#tags[this.#state.in].push(input)
    const unread = this.#untagged(text)
    if (unread !== '') return unread
    if (tag !== undefined) this.#tag(tag)
    return rest
  }

  /** Reads text that holds no tag, up to where others count: returns what is left. */
  #untagged(text: string): string {
    const tags = this.#tags[this.#state.in]
    let rest = text
    while (rest !== '' && this.#tags[this.#state.in] === tags) {
      const unread = this.#step(rest)
      this.#read += rest.length - unread.length
      rest = unread
    }
    return rest
  }

  #step(text: string): string {
    if (this.#state.in === 'head') return this.#inHead(text)
    if (this.#state.in === 'call') return this.#inCall(text, this.#state.reader, this.#state.next)
    if (this.#state.in !== 'broken') this.#sink.text(text)
    else this.#sink.args(this.#syntax.close === undefined ? text : this.#space.push(text))
    return ''
  }

  #tag(tag: string): void {
    if (this.#state.in === 'plain' || (this.#state.in === 'call' && this.#state.reader.inString)) {
      this.#untagged(tag)
      return
    }
    if (this.#advance(tag) !== 'more') this.#outside(tag)
    this.#read += tag.length
  }

  /** Takes a tag that is not part of a head: it ends what is open, whatever else it does. */
  #outside(tag: string): void {
    const { opens, leading, ends = [] } = this.#syntax
    const wasText = this.#state.in === 'text'
    this.#abandon()
    const head = opens[tag]
    if (head !== undefined) this.#enter(head, tag)
    else if (!ends.includes(tag)) this.#sink.text(tag)
    else if (!wasText) this.#enter(leading)
  }

  /** Ends what is open: it becomes text, or a call that ends here. */
  #abandon(): void {
    const { in: state } = this.#state
    const isText = state === 'head' || (this.#state.in === 'call' && !this.#state.reader.started)
    if (isText) {
      this.#contentStart ??= this.#read - this.#raw.length
      this.#sink.text(this.#raw)
    } else if (state === 'call' || state === 'broken') this.#sink.callEnd()
    this.#enter(undefined)
  }

  /** Begins a head, or text where there is none. */
  #enter(head: Head | undefined, opening = ''): void {
    this.#state = head === undefined ? { in: 'text' } : { in: 'head', step: head() }
    this.#raw = this.#opening = opening
    this.#space.take()
  }

  #inHead(text: string): string {
    for (let at = 0; at < text.length; at++) {
      const step = this.#advance(text.charAt(at))
      if (step !== 'more') return this.#noHead(step, at) + text.slice(at)
      if (this.#state.in === 'text') this.#contentStart ??= this.#read + at + 1
      if (this.#state.in !== 'head') return text.slice(at + 1)
    }
    return ''
  }

  /** Makes the opening tag text, and returns what came behind it, to be read again. @param at how far the text was read. */
  #noHead(state: 'text' | 'plain', at: number): string {
    const raw = this.#raw
    const { length } = this.#opening
    this.#contentStart ??= this.#read + at - raw.length
    this.#enter(undefined)
    this.#state = { in: state }
    this.#sink.text(raw.slice(0, length))
    return raw.slice(length)
  }

  /** Takes a character or tag into the head, unless it makes the head none. */
  #advance(next: string): 'more' | 'text' | 'plain' {
    const step = this.#state.in === 'head' ? this.#state.step(next) : 'text'
    if (step === 'text' || step === 'plain') return step
    this.#raw += next
    if (step === 'content') this.#enter(undefined)
    else if (typeof step === 'function') this.#state = { in: 'head', step: step() }
    else if (step !== 'more') this.#state = { in: 'call', reader: step.read(this.#sink), next: step.next }
    return 'more'
  }

  #inCall(text: string, reader: CallReader, next: Head | undefined): string {
    for (let at = 0; at < text.length; at++) {
      const step = reader.push(text.charAt(at))
      if (step === 'end') {
        this.#sink.callEnd()
        this.#enter(next)
        return text.slice(at + 1)
      }
      if (step === 'broken') {
        if (reader.started) this.#state = { in: 'broken' }
        else this.#abandon()
        return text.slice(at)
      }
      if (!reader.started) this.#raw += text.charAt(at)
    }
    return ''
  }
}
