import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head } from '../scan/call-syntax.ts'
import { literal, SPACE, skip, upTo } from '../scan/heads.ts'
import { CALL_END, CLOSE, KEY, TaggedArguments } from './tagged-arguments.ts'
import type { OfferedTools, ToolFormat } from './tool-format.ts'

const OPEN = '<tool_call>'
const CALL = '<function='
const NAME = /^[\w.-]{1,128}$/

/**
 * Qwen3-Coder, Qwen 3.5, Nemotron 3: <tool_call>\n<function=f>\n<parameter=a>\nvalue\n</parameter>\n</function>\n</tool_call>.
 * Values have no types: what the schema calls a string is one, anything else is JSON where it parses. A call without
 * the outer tag counts with the name of an offered tool.
 */
export const qwenXml: ToolFormat = {
  name: 'qwen-xml',
  recognises: (template) => template.includes(OPEN) && template.includes(CALL) && template.includes(KEY),
  markers: [OPEN, CLOSE],
  parser: (sink, offered) => new CallScanner(sink, syntax(offered)),
  notation: {
    mark: OPEN,
    arguments: 'tags',
    open: (name) => `${OPEN}\n${CALL}${name}>\n`,
    close: `${CALL_END}\n${CLOSE}`,
    between: '\n',
    avoid: [CALL],
  },
}

function syntax(offered: OfferedTools): CallSyntax {
  const call = (counts: (name: string) => boolean): Head =>
    upTo('>', NAME, (name) =>
      counts(name) ? { read: (sink) => new TaggedArguments(sink, name, offered.get(name)) } : 'text',
    )
  const named = call((name) => NAME.test(name))
  const known = call((name) => offered.has(name))
  return { opens: { [OPEN]: skip(SPACE, literal(CALL, named)), [CALL]: known }, close: CLOSE }
}
