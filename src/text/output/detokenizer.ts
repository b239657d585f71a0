/** The text of each token, as UTF-8: bytes[offsets[i], offsets[i + 1]). */
export interface TokenBytes {
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
}

/** Turns token ids to text, piece by piece: half a character is held back until the rest of it comes. */
export class Detokenizer {
  readonly #vocabulary: TokenBytes
  readonly #markers: ReadonlyMap<number, string> | undefined
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** @param markers control tokens that are to be text nevertheless: token id to text. */
  constructor(vocabulary: TokenBytes, markers?: ReadonlyMap<number, string>) {
    this.#vocabulary = vocabulary
    this.#markers = markers
  }

  push(token: number): string {
    const marker = this.#markers?.get(token)
    if (marker !== undefined) return this.flush() + marker
    const { bytes, offsets } = this.#vocabulary
    return this.#decoder.decode(bytes.subarray(offsets[token], offsets[token + 1]), { stream: true })
  }

  /** The text left at the end: an unfinished character is dropped, as nothing can complete it. */
  flush(): string {
    return this.#decoder.decode().replaceAll('\ufffd', '')
  }
}
