/** Where a function's source begins and ends in its file, as offsets. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Spans of all functions and methods of a name, in source that Biome has formatted: a body ends at its head's indentation. */
export function functionsNamed(name: string, source: string): Span[] {
  const head = new RegExp(
    `^( *)(?:export )?(?:async |static |get |function\\*? )*${name.replace('$', '\\$')}(?:<[^>]*>)?\\((?:.*\\{)?$`,
    'gm',
  )
  return [...source.matchAll(head)].map(({ index, 1: indent }) => {
    const end = source.indexOf(`\n${indent}}`, index)
    return { from: index, to: end === -1 ? source.length : end }
  })
}

/** The offset of a text that a function, or the file where no function is named, holds exactly once; undefined where it does not. */
export function placeOf(text: string, source: string, within: string | undefined): number | undefined {
  const spans = within === undefined ? [{ from: 0, to: source.length }] : functionsNamed(within, source)
  const places = spans.flatMap(({ from, to }) =>
    offsetsOf(text, source.slice(from, to)).map((at) => from + at),
  )
  return places.length === 1 ? places[0] : undefined
}

function offsetsOf(text: string, source: string): number[] {
  const offsets: number[] = []
  for (let at = source.indexOf(text); at !== -1; at = source.indexOf(text, at + 1)) offsets.push(at)
  return offsets
}
