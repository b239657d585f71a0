/** Bytes of a token that can be part of UTF-8: perhaps the rest of a character, whole ones, and perhaps the start of one. */
const POSSIBLE = new RegExp(
  [
    '^[\x80-\xbf]{0,3}',
    '(?:[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}',
    '|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*',
    '(?:[\xc2-\xf4]|\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f]',
    '|\xf0[\x90-\xbf][\x80-\xbf]?|[\xf1-\xf3][\x80-\xbf]{1,2}|\xf4[\x80-\x8f][\x80-\xbf]?)?$',
  ].join(''),
)

/** First bytes of a character that restrict the second, and the range of second bytes that may follow them. */
const SECOND: readonly (readonly [first: number, low: number, high: number])[] = [
  [0xe0, 0xa0, 0xbf],
  [0xed, 0x80, 0x9f],
  [0xf0, 0x90, 0xbf],
  [0xf4, 0x80, 0x8f],
]

/**
 * Tokens that are bytes of no character. llama.cpp lets grammars take some of them for one: it reads characters that are
 * spelled too long as their short spelling. What a client gets instead is U+FFFD, which no grammar has asked for.
 */
export class Utf8Guard {
  readonly #bytesOf: (token: number) => Uint8Array
  readonly #never: number[] = []
  /** Tokens that may not come next, by the first byte of a character, where that was the last byte. */
  readonly #after = new Map<number, readonly number[]>()

  /**
   * @param size of the vocabulary.
   * @param textOf a token's text: U+FFFD for what is no character.
   */
  constructor(size: number, textOf: (token: number) => string, bytesOf: (token: number) => Uint8Array) {
    this.#bytesOf = bytesOf
    const wrong = new Map(SECOND.map(([first]) => [first, [] as number[]]))
    for (let token = 0; token < size; token++) {
      if (!textOf(token).includes('\ufffd')) continue
      const bytes = bytesOf(token)
      if (!POSSIBLE.test(Buffer.from(bytes).toString('latin1'))) this.#never.push(token)
      const [second = 0] = bytes
      if (second < 0x80 || second > 0xbf) continue
      for (const [first, low, high] of SECOND)
        if (second < low || second > high) wrong.get(first)?.push(token)
    }
    for (const [first, tokens] of wrong) this.#after.set(first, [...this.#never, ...tokens])
  }

  /** Tokens that cannot come after this one in any text. */
  bansAfter(token: number): readonly number[] {
    return this.#after.get(this.#bytesOf(token).at(-1) ?? 0) ?? this.#never
  }
}
