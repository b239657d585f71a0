import type { Pattern } from './pattern.ts'
import { parseRegex } from './regex.ts'

const YEAR_MONTH_DAY =
  '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))'
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?'
const TIME = `${CLOCK}(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)`
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const WORD = '[A-Za-z0-9_+-]{1,20}'
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?'

const DATE_PART = '\\d{1,4}Y(?:\\d{1,4}M(?:\\d{1,4}D)?)?|\\d{1,4}M(?:\\d{1,4}D)?|\\d{1,4}D'
const TIME_PART = 'T(?:\\d{1,4}H(?:\\d{1,4}M(?:\\d{1,4}S)?)?|\\d{1,4}M(?:\\d{1,4}S)?|\\d{1,4}S)'
const HEX = '[0-9a-fA-F]{1,4}'
const URI_CHAR = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"

const HOST = `${LABEL}(?:\\.${LABEL}){0,4}`
const POINTER = '(?:/(?:[A-Za-z0-9_.-]|~[01])*)*'
/** Path, query and fragment. With what comes before them a URI has fewer than the 2,083 characters that browsers take. */
const PATH = `(?:/(?:${URI_CHAR}|/){0,300})?(?:\\?(?:${URI_CHAR}|[/?]){0,240})?(?:#(?:${URI_CHAR}|[/?]){0,80})?`
const URI = `[a-z][a-z0-9+-]{0,15}://${HOST}(?::[1-5]?\\d{1,4})?${PATH}`
const EMAIL = `${WORD}(?:\\.${WORD}){0,2}@${LABEL}(?:\\.${LABEL}){0,2}\\.[A-Za-z]{2,10}`

const uuid = (version: string): string =>
  `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-${version}[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}`

/** JSON Schema: values of `format`, and pydantic's uuids. Each is the format or a part of it: no 29th of February, no leap second, no URI without `//`. */
const FORMATS: Readonly<Record<string, string>> = {
  date: YEAR_MONTH_DAY,
  time: TIME,
  'date-time': `${YEAR_MONTH_DAY}T${TIME}`,
  duration: `P(?:(?:${DATE_PART})(?:${TIME_PART})?|${TIME_PART}|\\d{1,4}W)`,
  uuid: uuid('[1-8]'),
  ...Object.fromEntries(Array.from('1345678', (version) => [`uuid${version}`, uuid(version)])),
  ipv4: `${OCTET}(?:\\.${OCTET}){3}`,
  ipv6: `(?:${HEX}:){7}${HEX}|(?:${HEX}(?::${HEX}){0,2})?::(?:${HEX}(?::${HEX}){0,3})?`,
  hostname: HOST,
  'idn-hostname': HOST,
  email: EMAIL,
  'idn-email': EMAIL,
  uri: URI,
  iri: URI,
  'uri-reference': `(?:${URI})|${PATH}`,
  'iri-reference': `(?:${URI})|${PATH}`,
  // OpenAPI's: base64.
  byte: '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?',
  'json-pointer': POINTER,
  'relative-json-pointer': `(?:0|[1-9]\\d{0,3})(?:#|${POINTER})`,
}

/** JSON Schema: formats whose texts no regular expression describes. */
const NOT_HONOURED = ['regex', 'uri-template']

/** Names of the formats that are honoured. */
export const KNOWN_FORMATS: readonly string[] = Object.keys(FORMATS)

/** JSON Schema: a format that is not known says nothing. */
export function isAnnotationFormat(format: string): boolean {
  return !Object.hasOwn(FORMATS, format) && !NOT_HONOURED.includes(format)
}

/** The texts of a format; undefined for one that cannot be honoured. */
export function formatPattern(format: string): Pattern | undefined {
  const pattern = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  return pattern === undefined ? undefined : parseRegex(pattern, 'whole')
}
