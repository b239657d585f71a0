import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import type { OfferedTools, ToolFormat } from './tool-format.ts'

const CALL = '<function='
const CALL_END = '</function>'
/** Qwen3-Coder and others write arguments with tags around each, between other tags. */
const OTHERS = ['<parameter', '<tool_call>']

/** Functionary 3.1: <function=f>{…}</function> for each call. Names must be of offered tools. */
export const functionTags: ToolFormat = {
  name: 'function-tags',
  recognises: (template) =>
    template.includes(CALL) && template.includes(CALL_END) && !OTHERS.some((tag) => template.includes(tag)),
  markers: [],
  parser: (sink, offered) => new CallScanner(sink, syntax(offered)),
  notation: { mark: CALL, open: (name) => `${CALL}${name}>`, close: CALL_END, between: '' },
}

function syntax(offered: OfferedTools): CallSyntax {
  const call = upTo('>', /^[\w.-]{1,128}$/, (name) =>
    offered.has(name) ? skip(SPACE, one('{', { read: (sink) => new JsonArguments(sink, name) })) : 'text',
  )
  return { opens: { [CALL]: call }, close: CALL_END }
}
