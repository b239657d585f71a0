/** State after a character. `more`: inside the value; `end`: this was its last character; `after`: it ended before this one; `broken`: no JSON. */
export type JsonStep = 'more' | 'end' | 'after' | 'broken'

const CLOSERS: Readonly<Record<string, string>> = { '{': '}', '[': ']' }
const SPACE = /[ \t\r\n]/
const SCALAR = /[-+.\w]/

/** Finds where one JSON value ends, character by character. RFC 8259's lexical rules; the grammar is not checked. */
export class JsonScanner {
  readonly #closers: string[] = []
  #inString = false
  #escaped = false
  #begun = false

  /** Whether a string is open. */
  get inString(): boolean {
    return this.#inString
  }

  push(char: string): JsonStep {
    if (this.#inString) return this.#stringStep(char)
    if (char === '"') {
      if (this.#begun && this.#closers.length === 0) return 'broken'
      this.#begun = true
      this.#inString = true
      return 'more'
    }
    return this.#closers.length === 0 ? this.#outerStep(char) : this.#innerStep(char)
  }

  #stringStep(char: string): JsonStep {
    if (this.#escaped) this.#escaped = false
    else if (char === '\\') this.#escaped = true
    else if (char === '"') {
      this.#inString = false
      return this.#closers.length === 0 ? 'end' : 'more'
    } else if (char < ' ') return 'broken'
    return 'more'
  }

  /** Takes a character before the value, or in a number or a word. */
  #outerStep(char: string): JsonStep {
    const closer = CLOSERS[char]
    if (!this.#begun && closer !== undefined) {
      this.#begun = true
      this.#closers.push(closer)
      return 'more'
    }
    if (SCALAR.test(char)) {
      this.#begun = true
      return 'more'
    }
    if (!this.#begun) return SPACE.test(char) ? 'more' : 'broken'
    return SPACE.test(char) || ',]}'.includes(char) ? 'after' : 'broken'
  }

  #innerStep(char: string): JsonStep {
    const closer = CLOSERS[char]
    if (closer !== undefined) this.#closers.push(closer)
    else if (char === '}' || char === ']') {
      if (this.#closers.pop() !== char) return 'broken'
      if (this.#closers.length === 0) return 'end'
    } else if (!SCALAR.test(char) && !SPACE.test(char) && char !== ',' && char !== ':') return 'broken'
    return 'more'
  }
}
