/** A private-use character that cuts a control token's text in two, so that no tokenizer can see the token. */
const FIRST_MARK = 0xe000
const LAST_MARK = 0xf8ff

/**
 * Makes a client's text harmless: wherever it spells a control token, or ends in what could become one
 * when a template puts more text behind it, the mark is put after the first character.
 */
export class ControlTokenGuard {
  readonly #whole: RegExp | undefined
  readonly #prefixes: Set<string>
  readonly #longest: number

  constructor(tokens: readonly string[]) {
    const texts = tokens.filter((text) => text.length > 1).toSorted((a, b) => b.length - a.length)
    this.#whole = texts.length === 0 ? undefined : new RegExp(texts.map(escapeRegExp).join('|'), 'g')
    this.#prefixes = new Set(
      texts.flatMap((text) => Array.from({ length: text.length - 1 }, (_, end) => text.slice(0, end + 1))),
    )
    this.#longest = texts[0]?.length ?? 0
  }

  guard(text: string, mark: string): string {
    if (this.#whole === undefined) return text
    let guarded = text
    // A match's tail may be the start of another token, as in <a<a>; cut until none is left.
    for (let before = ''; before !== guarded; ) {
      before = guarded
      guarded = guarded.replace(this.#whole, (token) => token.slice(0, 1) + mark + token.slice(1))
    }
    for (let length = Math.min(this.#longest - 1, guarded.length); length > 0; length--) {
      const tail = guarded.slice(guarded.length - length)
      if (this.#prefixes.has(tail))
        return guarded.slice(0, guarded.length - length + 1) + mark + tail.slice(1)
    }
    return guarded
  }
}

/** A mark that no given text holds, or spells as an escape in JSON; undefined when they hold all. */
export function unusedMark(texts: Iterable<string>): string | undefined {
  const used = new Set<number>()
  for (const text of texts) {
    for (const [mark] of text.matchAll(/[\ue000-\uf8ff]/g)) used.add(mark.charCodeAt(0))
    for (const [, code = ''] of text.matchAll(/\\u([ef][\da-f]{3})/gi)) used.add(Number.parseInt(code, 16))
  }
  for (let code = FIRST_MARK; code <= LAST_MARK; code++) if (!used.has(code)) return String.fromCharCode(code)
  return undefined
}

/** All strings of a JSON value, keys included, made anew by `change`. */
export function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)]),
  )
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
