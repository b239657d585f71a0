import { GrammarError } from './grammar-error.ts'
import type { GrammarNode } from './node.ts'
import { compileRegex } from './regex.ts'

const YEAR_MONTH_DAY =
  '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))'
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const WORD = '[A-Za-z0-9_+-]{1,20}'
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?'

/** JSON Schema: values of `format`. Each is the format or a part of it: no 29th of February, no leap second. */
export const FORMATS: Readonly<Record<string, string>> = {
  date: YEAR_MONTH_DAY,
  time: TIME,
  'date-time': `${YEAR_MONTH_DAY}T${TIME}`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}',
  ipv4: `${OCTET}(?:\\.${OCTET}){3}`,
  email: `${WORD}(?:\\.${WORD}){0,2}@${LABEL}(?:\\.${LABEL}){0,2}\\.[A-Za-z]{2,10}`,
}

/** The content of a JSON string of this format. @throws GrammarError */
export function compileFormat(format: string): GrammarNode {
  const pattern = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  if (pattern === undefined)
    throw new GrammarError(`the formats that can be honoured are ${Object.keys(FORMATS).join(', ')}`)
  return compileRegex(pattern, { chars: (ranges) => ({ type: 'set', ranges }), unanchored: false })
}
