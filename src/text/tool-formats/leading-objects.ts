import { TagScanner } from '../scan/tag-scanner.ts'
import { CallObject } from './call-object.ts'
import type { CallNotation, CallSink, ToolParser } from './tool-format.ts'

/** Many models put JSON into a block of code. */
const FENCE = '```json'

/** The notation of a call that is such an object, with this key for its arguments. */
export function objectNotation(key: string, behind: readonly string[] = []): CallNotation {
  const rest = `, "${key}": `
  return {
    open: (name) => `{"name": ${JSON.stringify(name)}${rest}`,
    close: '}',
    leading: {
      opening: (name) => ['{', '"name"', ':', JSON.stringify(name)],
      rest,
      behind,
      fences: [`${FENCE}\n`, '```\n'],
    },
  }
}

/** `before`: where a call may begin; `text`: where only the tag begins one; `broken`: in arguments that are no JSON. */
type State = 'before' | 'call' | 'text' | 'broken'

/**
 * Calls as JSON objects at the beginning of an answer, with white space, line ends or semicolons between, or behind a tag.
 */
export class LeadingObjects implements ToolParser {
  readonly #sink: CallSink
  readonly #isTool: (name: string) => boolean
  readonly #scanner: TagScanner
  #state: State = 'before'
  #called = false
  #object: CallObject
  /** What is text if no call comes of it. */
  #raw = ''

  /** @param tags behind which a call may begin, too. */
  constructor(sink: CallSink, isTool: (name: string) => boolean, tags: readonly string[] = []) {
    this.#sink = sink
    this.#isTool = isTool
    this.#scanner = new TagScanner(tags)
    this.#object = new CallObject(sink, isTool)
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const scanned = this.#scanner.push(rest)
      this.#plain(scanned.text)
      if (scanned.tag !== undefined) this.#tag(scanned.tag)
      rest = scanned.rest
    }
  }

  end(): void {
    this.#plain(this.#scanner.flush())
    if (this.#state !== 'call' || !this.#object.started) this.#sink.text(this.#raw)
  }

  /** The tag is a control token: it ends whatever was open, and a call may follow. */
  #tag(tag: string): void {
    if (this.#state === 'call' && this.#object.inString) {
      this.#plain(tag)
      return
    }
    if (this.#state === 'broken' || (this.#state === 'call' && this.#object.started)) this.#sink.callEnd()
    else if (this.#raw !== '') this.#sink.text(this.#raw)
    this.#state = 'before'
    this.#raw = tag
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
    if (this.#state === 'before') {
      this.#raw += char
      if (/[\s;]/.test(char) || (!this.#called && FENCE.startsWith(this.#raw.trimStart()))) return
      if (char !== '{' || !opensBlock(this.#raw.slice(0, -1).trim())) {
        this.#giveUp()
        return
      }
      this.#state = 'call'
      this.#object = new CallObject(this.#sink, this.#isTool)
      this.#object.push(char)
      return
    }
    const step = this.#object.push(char)
    if (!this.#object.started) this.#raw += char
    if (step === 'end') {
      this.#called = true
      this.#state = 'before'
      this.#raw = ''
    } else if (step === 'broken') {
      if (!this.#object.started) {
        this.#giveUp()
        return
      }
      this.#state = 'broken'
      this.#raw = ''
      this.#sink.args(char)
    }
  }

  #giveUp(): void {
    this.#state = 'text'
    this.#sink.text(this.#raw)
    this.#raw = ''
  }
}

/** Whether what stands before an object may: nothing, a separator, a tag, or the whole opening of a block of code. */
function opensBlock(before: string): boolean {
  return !before.startsWith('`') || before === FENCE || before === '```'
}
