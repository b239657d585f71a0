const SIGNS = '0123456789abcdefghijklmnopqrstuvwxyz'

/** An id of a fixed length, for templates that take no other; equal ids stay equal. @param fits matches an id that is taken as it is. */
export function shortId(id: string, length: number, fits: RegExp): string {
  if (fits.test(id)) return id
  let out = ''
  // FNV-1a, one round for each sign.
  for (let round = 0; round < length; round++) {
    let hash = 0x811c9dc5 ^ round
    for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
    out += SIGNS[((hash ^ (hash >>> 15)) >>> 0) % SIGNS.length]
  }
  return out
}
