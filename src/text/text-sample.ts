/** Characters of a window: so long at most is a word without an end, which costs a tokenizer more than its length. */
const WINDOW = 64
const WINDOWS = 16

/** A sample of a text. */
export interface TextSample {
  /** Pieces of the text at equal distances, at most WINDOWS of them. */
  readonly windows: readonly string[]
  /** Characters of the text for each character of the windows. */
  readonly scale: number
}

/** A sample of the texts together. Short texts are in it as a whole, but for the edges of windows. */
export function sampleOf(texts: readonly string[]): TextSample {
  const total = charactersOf(texts)
  const stride = Math.max(WINDOW, Math.ceil(total / WINDOWS))
  const windows: string[] = []
  let start = 0
  let next = 0
  for (const text of texts) {
    for (; next < start + text.length; next += stride)
      windows.push(text.slice(next - start, next - start + WINDOW))
    start += text.length
  }
  return { windows, scale: total / Math.max(1, charactersOf(windows)) }
}

export function charactersOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}
