/**
 * The strings of a JSON value, keys included, from the last to the first. Does not recurse, however deep the value is.
 * Token ids in a typed array are no strings, and may be a million.
 */
export function stringsIn(root: unknown, most = Number.POSITIVE_INFINITY): string[] {
  const strings: string[] = []
  const left: unknown[] = [root]
  while (left.length > 0 && strings.length < most) {
    const value = left.pop()
    if (typeof value === 'string') strings.push(value)
    else if (Array.isArray(value)) for (const item of value) left.push(item)
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
      for (const [key, item] of Object.entries(value)) left.push(key, item)
    }
  }
  return strings
}
