/** Kinds of the bytes of a JSON text, by which it is measured without parsing it. */
const OTHER = 0
const QUOTE = 1
const OPEN = 2
const CLOSE = 3
const COLON = 4
/** Byte of a number. */
const DIGIT = 5
/** Byte of true, false or null. */
const LETTER = 6

const BACKSLASH = 0x5c
const LETTER_U = 0x75

const KINDS = kindsOfBytes()

/** Bounds on the structure of a body. Its bytes are bounded elsewhere. */
export const shapeBounds = {
  /** Arrays and objects within each other. */
  depth: 128,
  /** Arrays and objects. */
  containers: 100_000,
  /** Names of fields, in all objects together. */
  keys: 200_000,
  /** Names of fields that differ: V8 keeps each for itself, and what it knows of objects that have it. */
  distinctKeys: 25_000,
  /** Texts, names of fields included. */
  strings: 250_000,
  /** Numbers, true, false and null: a prompt of a million tokens has as many. */
  words: 1_200_000,
  /** Bytes of a number: JSON of the largest double, written out, has 309. */
  number: 1024,
  /** Bytes of a name, escapes as they are written. */
  key: 8192,
} as const

/** Bytes that V8 takes for each, at most, and rounded up: measured with `{}`, `[]`, {"k1":1} and short strings side by side. */
const HELD = { container: 72, key: 56, string: 32, word: 24 } as const

/** Counts what a JSON text consists of while it arrives: one pass, some nanoseconds a byte. It need not be JSON. */
export class JsonShape {
  #depth = 0
  #deepest = 0
  #containers = 0
  #keys = 0
  #strings = 0
  #words = 0
  /** Bytes of texts, each as V8 holds it: two a character where one of them is no Latin letter. */
  #heldText = 0
  #longestKey = 0
  #longestNumber = 0
  /** State of the string or word that the last piece ended in. */
  #inString = false
  #escaped = false
  #wide = false
  #string = 0
  #word = 0
  /** Whether the word may be a number. */
  #number = true

  get keys(): number {
    return this.#keys
  }

  /** Bytes that the parsed value takes, at most. */
  get heldBytes(): number {
    return (
      this.#heldText +
      HELD.container * this.#containers +
      HELD.key * this.#keys +
      HELD.string * this.#strings +
      HELD.word * this.#words
    )
  }

  /** First bound that the body exceeds so far, in words; undefined: none. */
  get excess(): string | undefined {
    const { depth, containers, keys, strings, words, number, key } = shapeBounds
    if (this.#deepest > depth) return `values are nested deeper than ${depth}`
    if (this.#longestNumber > number) return `a number is longer than ${number} characters`
    if (this.#longestKey > key) return `the name of a field is longer than ${key} bytes`
    if (this.#containers > containers) return tooMany('arrays and objects', containers)
    if (this.#keys > keys) return tooMany('fields', keys)
    if (this.#strings > strings) return tooMany('strings', strings)
    if (this.#words > words) return tooMany('numbers', words)
    return undefined
  }

  /** Counts the next piece. */
  push(piece: Uint8Array): void {
    let at = 0
    while (at < piece.length) at = this.#inString ? this.#readString(piece, at) : this.#readOther(piece, at)
  }

  #measure(word: number): void {
    if (this.#number && word > this.#longestNumber) this.#longestNumber = word
  }

  /** Reads up to where a string begins, or the end. Returns where that is. */
  #readOther(piece: Uint8Array, start: number): number {
    let word = this.#word
    let at = start
    for (; at < piece.length; at++) {
      const kind = KINDS[piece[at] as number] as number
      if (kind >= DIGIT) {
        if (word === 0) this.#words++
        word++
        if (kind === LETTER) this.#number = false
        continue
      }
      if (word > 0) {
        this.#measure(word)
        word = 0
        this.#number = true
      }
      if (kind === OTHER) continue
      if (kind === QUOTE) break
      if (kind === OPEN) {
        this.#containers++
        if (++this.#depth > this.#deepest) this.#deepest = this.#depth
      } else if (kind === CLOSE) this.#depth--
      else {
        this.#keys++
        // What came last is its name.
        if (this.#string > this.#longestKey) this.#longestKey = this.#string
      }
    }
    this.#measure(word)
    this.#word = word
    if (at === piece.length) return at
    this.#inString = true
    this.#wide = false
    this.#string = 0
    this.#strings++
    return at + 1
  }

  /** Reads up to behind the end of a string, or the end. Returns where that is. */
  #readString(piece: Uint8Array, start: number): number {
    let at = start
    let wide = this.#wide
    if (this.#escaped) {
      this.#escaped = false
      if (piece[at] === LETTER_U) wide = true
      at++
    }
    for (; at < piece.length; at++) {
      const byte = piece[at] as number
      if (byte === 0x22) break
      if (byte > 0x7f) wide = true
      else if (byte === BACKSLASH) {
        if (++at === piece.length) {
          this.#escaped = true
          break
        }
        if (piece[at] === LETTER_U) wide = true
      }
    }
    const end = Math.min(at, piece.length)
    this.#string += end - start
    this.#wide = wide
    if (at >= piece.length) return piece.length
    this.#inString = false
    this.#heldText += wide ? 2 * this.#string : this.#string
    return at + 1
  }
}

function tooMany(what: string, most: number): string {
  return `the body holds too many values: more than ${most} ${what}`
}

function kindsOfBytes(): Uint8Array {
  const kinds = new Uint8Array(256)
  const put = (kind: number, bytes: string): void => {
    for (const byte of Buffer.from(bytes)) kinds[byte] = kind
  }
  put(QUOTE, '"')
  put(OPEN, '[{')
  put(CLOSE, ']}')
  put(COLON, ':')
  put(LETTER, 'abcdfghijklmnopqrstuvwxyzABCDFGHIJKLMNOPQRSTUVWXYZ')
  put(DIGIT, '+-.0123456789eE')
  return kinds
}
