import { GrammarError } from '../gbnf/grammar-error.ts'
import { isApart, isWithinNode } from '../gbnf/inclusion.ts'
import type { GrammarNode } from '../gbnf/node.ts'
import { jsonChars } from './json-string.ts'
import { compileRegex } from './regex.ts'

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

/** JSON Schema: values of `format`. Each is the format or a part of it: no 29th of February, no leap second, no URI without `//`. */
const FORMATS: Readonly<Record<string, string>> = {
  date: YEAR_MONTH_DAY,
  time: TIME,
  'date-time': `${YEAR_MONTH_DAY}T${TIME}`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}',
  ipv4: `${OCTET}(?:\\.${OCTET}){3}`,
  ipv6: `(?:${HEX}:){7}${HEX}|(?:${HEX}(?::${HEX}){0,2})?::(?:${HEX}(?::${HEX}){0,3})?`,
  hostname: `${LABEL}(?:\\.${LABEL}){0,4}`,
  uri: `[a-z][a-z0-9+-]{0,15}://[A-Za-z0-9._~-]{1,100}(?::\\d{1,5})?(?:/${URI_CHAR}*)*(?:\\?(?:${URI_CHAR}|[/?])*)?(?:#(?:${URI_CHAR}|[/?])*)?`,
  duration: `P(?:(?:${DATE_PART})(?:${TIME_PART})?|${TIME_PART}|\\d{1,4}W)`,
  email: `${WORD}(?:\\.${WORD}){0,2}@${LABEL}(?:\\.${LABEL}){0,2}\\.[A-Za-z]{2,10}`,
}

/** Parts of a format, for a pattern beside it that wants just that part. */
const PARTS: Readonly<Record<string, string>> = {
  'date-time': `${YEAR_MONTH_DAY}T${CLOCK}Z`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}',
}

/** The content of a JSON string of this format. @throws GrammarError */
export function compileFormat(format: string): GrammarNode {
  return compile(FORMATS, format)
}

/**
 * The content of a JSON string of this format, or a part of it, whose texts all match the pattern; undefined when that
 * cannot be shown.
 * @throws GrammarError when the format or the pattern is not known.
 */
export function compileFormatWithin(format: string, pattern: string): GrammarNode | undefined {
  const { body, banned } = splitLookAhead(pattern)
  const outer = compileRegex(body, { chars: jsonChars, unanchored: true })
  const bans = banned.map((one) => compileRegex(`^${one}`, { chars: jsonChars, unanchored: true }))
  const nodes = [FORMATS, PARTS]
    .filter((known) => Object.hasOwn(known, format))
    .map((known) => compile(known, format))
  return nodes.find((node) => isWithinNode(node, outer) && bans.every((ban) => isApart(node, ban)))
}

/** `^(?!A)(?!B)C`: what may not begin the text, and the rest. */
function splitLookAhead(pattern: string): { readonly body: string; readonly banned: readonly string[] } {
  const found = /^\^(?:\(\?![^()|]*\))+/.exec(pattern)?.[0]
  if (found === undefined) return { body: pattern, banned: [] }
  const banned = [...found.matchAll(/\(\?!([^()|]*)\)/g)].map(([, text]) => text ?? '')
  return { body: `^${pattern.slice(found.length)}`, banned }
}

function compile(known: Readonly<Record<string, string>>, format: string): GrammarNode {
  const pattern = Object.hasOwn(known, format) ? known[format] : undefined
  if (pattern === undefined)
    throw new GrammarError(`the formats that can be honoured are ${Object.keys(FORMATS).join(', ')}`)
  return compileRegex(pattern, { chars: (ranges) => ({ type: 'set', ranges }), unanchored: false })
}
