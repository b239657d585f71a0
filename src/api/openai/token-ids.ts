import { emptyArray, invalidValue, wrongType } from '../contract/failures.ts'

/**
 * Checks token ids of a client, which go to native code; the process that computes with them checks them again.
 * @param size number of tokens in the vocabulary.
 * @param refused control tokens, accepted at the edges alone: at the start, where a prompt has its BOS, or also at the end.
 */
export function tokenIds(
  items: readonly unknown[],
  path: string,
  size: number,
  refused: ReadonlySet<number>,
  edges: 'start' | 'start and the end',
): Uint32Array {
  if (items.length === 0) throw emptyArray(path)
  const inner = edges === 'start' ? items.length : items.length - 1
  // A million of them are read in some milliseconds: by index, without an iterator.
  const ids = new Uint32Array(items.length)
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (typeof item !== 'number') throw wrongType(`${path}[${index}]`, 'a token id', item)
    if (!Number.isInteger(item) || item < 0 || item >= size)
      throw invalidValue(path, `a token id is an integer from 0 to ${size - 1}.`)
    if (index > 0 && index < inner && refused.has(item)) {
      throw invalidValue(
        `${path}[${index}]`,
        `${item} is a control token, which this server takes at the ${edges} only.`,
      )
    }
    ids[index] = item
  }
  return ids
}
