import { ServingError } from '../../base/errors.ts'
import { stringsIn } from '../../text/json-strings.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a request body whose shape is within bounds.
 * @throws ServingError invalid_json or invalid_value: empty, not UTF-8, not JSON, or text that is no Unicode.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw unparsable('the body is empty')
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

/** Error for a body that cannot be parsed, or holds too much. */
export function unparsable(reason: string): ServingError {
  return new ServingError(
    'invalid_json',
    `We could not parse the JSON body of your request. (HINT: ${reason}; the API expects a JSON object with content-type application/json.)`,
  )
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
