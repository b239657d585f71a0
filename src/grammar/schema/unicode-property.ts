import { type CodeRange, joinRanges, UNICODE } from '../gbnf/node.ts'

/** Characters that are looked at in one go. */
const CHUNK = 4096

const known = new Map<string, readonly CodeRange[]>()

/** The characters of a Unicode property, `L` or `Script=Greek`; undefined where there is none of that name. */
export function unicodeProperty(name: string): readonly CodeRange[] | undefined {
  const before = known.get(name)
  if (before !== undefined) return before
  let property: RegExp
  try {
    property = new RegExp(`\\p{${name}}+`, 'gu')
  } catch {
    return undefined
  }
  const ranges = joinRanges(UNICODE.flatMap(([low, high]) => rangesWithin(low, high, property)))
  known.set(name, ranges)
  return ranges
}

function rangesWithin(low: number, high: number, property: RegExp): CodeRange[] {
  const ranges: CodeRange[] = []
  for (let from = low; from <= high; from += CHUNK) {
    const length = Math.min(CHUNK, high + 1 - from)
    const text = String.fromCodePoint(...Array.from({ length }, (_, index) => from + index))
    for (const [found] of text.matchAll(property)) {
      const first = found.codePointAt(0) ?? 0
      ranges.push([first, first + [...found].length - 1])
    }
  }
  return ranges
}
