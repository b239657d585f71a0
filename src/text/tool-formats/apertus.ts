import type { Head } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import { listedCalls } from './listed-calls.ts'

const CALLS = '<|tools_prefix|>'

/** Apertus: <|tools_prefix|>[{"f": {…}}, …]<|tools_suffix|>, where the name is the key of the arguments. */
export const apertus = listedCalls({
  name: 'apertus',
  recognises: (template) => template.includes(CALLS),
  tag: CALLS,
  close: '<|tools_suffix|>',
  calls: (accepts) => keyed(accepts),
  call: { open: (name) => `{${JSON.stringify(name)}: `, close: '}' },
})

function keyed(accepts: (name: string) => boolean): Head {
  const named = (name: string): Head =>
    skip(SPACE, one(':', skip(SPACE, one('{', { read: (sink) => new JsonArguments(sink, name), next }))))
  const key = upTo('"', /^[\w.-]{1,128}$/, (name) => (accepts(name) ? named(name) : 'text'))
  const call = skip(/[\s,]/, one('{', skip(SPACE, one('"', key))))
  const next = skip(SPACE, one('}', call))
  return call
}
