import { ServingError } from '../errors.ts'
import { stringsIn } from '../text/json-strings.ts'

/** Limits on the shape of a JSON body, so that no small body costs much work. Bytes are limited by the server. */
const MAX_DEPTH = 128
const MAX_KEYS = 50_000
const MAX_VALUES = 1_000_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])
const COLON = 0x3a
const COMMA = 0x2c

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a request body.
 * @throws ServingError invalid_json or invalid_value: not UTF-8, not JSON, too deep, too many values, or text that is no Unicode.
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw unparsable('the body is empty')
  checkShape(bytes)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw unparsable('the body is not valid UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unparsable('the body is not valid JSON')
  }
  // Only an escape can bring in what UTF-8 cannot hold, or a NUL.
  if (text.includes('\\u')) for (const string of stringsIn(value)) checkString(string)
  return value
}

function unparsable(reason: string): ServingError {
  return new ServingError(
    'invalid_json',
    `We could not parse the JSON body of your request. (HINT: ${reason}; the API expects a JSON object with content-type application/json.)`,
  )
}

/** One pass over the bytes; JSON.parse would happily build a million nested arrays. */
function checkShape(bytes: Buffer): void {
  let depth = 0
  let keys = 0
  let values = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (OPEN.has(byte)) depth++
    else if (CLOSE.has(byte)) depth--
    else if (byte === COLON) keys++
    else if (byte === COMMA) values++
    if (depth > MAX_DEPTH) throw unparsable(`values are nested deeper than ${MAX_DEPTH}`)
    if (keys > MAX_KEYS || values > MAX_VALUES) throw unparsable('the body holds too many values')
  }
}

function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

function checkString(text: string): void {
  if (/\p{Surrogate}/u.test(text)) {
    throw new ServingError(
      'invalid_value',
      'A string in the body holds half of a surrogate pair, which is not Unicode text',
    )
  }
  if (text.includes('\0')) {
    throw new ServingError('invalid_value', 'A string in the body holds a NUL character')
  }
}
