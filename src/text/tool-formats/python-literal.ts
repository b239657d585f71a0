const MAX_DEPTH = 512
const WORDS: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'null',
  true: 'true',
  false: 'false',
  null: 'null',
}
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }
const NUMBER = /[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y
const WORD = /[A-Za-z_]\w*/y

/**
 * Keyword arguments of a Python call as the JSON text of an object: a=1, b=['x', True] is {"a": 1, "b": ["x", true]}.
 * Returns undefined for anything but keywords with literal values. Linear.
 */
export function pythonArguments(text: string): string | undefined {
  return read(() => new LiteralReader(text).keywords())
}

/** A literal of Python as JSON text; undefined for anything else. Linear. */
export function pythonValue(text: string): string | undefined {
  return read(() => new LiteralReader(text).whole())
}

function read(work: () => string): string | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof NoLiteral) return undefined
    throw error
  }
}

class NoLiteral extends Error {}

class LiteralReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  keywords(): string {
    const pairs = this.#list(undefined, () => {
      const name = this.#match(WORD)
      this.#expect('=')
      return `${JSON.stringify(name)}: ${this.#value(0)}`
    })
    return `{${pairs.join(', ')}}`
  }

  /** The value that is all of the text. */
  whole(): string {
    const value = this.#value(0)
    if (this.#peek() !== '') throw new NoLiteral()
    return value
  }

  #value(depth: number): string {
    if (depth > MAX_DEPTH) throw new NoLiteral()
    const char = this.#peek()
    if (char === '"' || char === "'") return JSON.stringify(this.#string(char))
    if (this.#take('[')) return `[${this.#list(']', () => this.#value(depth + 1)).join(', ')}]`
    if (this.#take('(')) return `[${this.#list(')', () => this.#value(depth + 1)).join(', ')}]`
    if (this.#take('{')) return `{${this.#list('}', () => this.#pair(depth + 1)).join(', ')}}`
    if (/[-+.\d]/.test(char)) return this.#number()
    const word = WORDS[this.#match(WORD)]
    if (word === undefined) throw new NoLiteral()
    return word
  }

  #pair(depth: number): string {
    const quote = this.#peek()
    if (quote !== '"' && quote !== "'") throw new NoLiteral()
    const key = this.#string(quote)
    this.#expect(':')
    return `${JSON.stringify(key)}: ${this.#value(depth)}`
  }

  /** Items with commas between, to the closer or to the end of the text. */
  #list(closer: string | undefined, item: () => string): string[] {
    const items: string[] = []
    for (;;) {
      if (this.#closed(closer)) return items
      items.push(item())
      if (this.#take(',')) continue
      if (this.#closed(closer)) return items
      throw new NoLiteral()
    }
  }

  #closed(closer: string | undefined): boolean {
    return closer === undefined ? this.#peek() === '' : this.#take(closer)
  }

  #number(): string {
    const number = Number(this.#match(NUMBER).replaceAll('_', ''))
    if (!Number.isFinite(number)) throw new NoLiteral()
    return JSON.stringify(number)
  }

  #string(quote: string): string {
    let out = ''
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at)
      if (char === quote) {
        this.#at++
        return out
      }
      out += char === '\\' ? this.#escape() : char
    }
    throw new NoLiteral()
  }

  /** Reads an escape. Python: an unknown one stands for itself, the backslash included. */
  #escape(): string {
    this.#at++
    const char = this.#text.charAt(this.#at)
    const digits = char === 'x' ? 2 : char === 'u' ? 4 : 0
    const hex = this.#text.slice(this.#at + 1, this.#at + 1 + digits)
    if (digits > 0 && hex.length === digits && /^[\da-fA-F]+$/.test(hex)) {
      this.#at += digits
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    return ESCAPES[char] ?? ('\\\'"'.includes(char) ? char : `\\${char}`)
  }

  #skip(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at++
  }

  #peek(): string {
    this.#skip()
    return this.#text.charAt(this.#at)
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#at++
    return true
  }

  #expect(char: string): void {
    if (!this.#take(char)) throw new NoLiteral()
  }

  #match(pattern: RegExp): string {
    this.#skip()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) throw new NoLiteral()
    this.#at += found.length
    return found
  }
}
