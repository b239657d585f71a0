import { CallObject } from '../scan/call-object.ts'
import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax } from '../scan/call-syntax.ts'
import { one, SPACE, skip } from '../scan/heads.ts'
import type { ToolFormat } from './tool-format.ts'

const OPEN = '<tool_call>'
const CLOSE = '</tool_call>'
/** Qwen3-Coder, GLM, MiniMax and Apriel put other notations between the same or similar tags. */
const OTHERS = ['<function=', '<arg_key>', '<invoke', '<tool_calls>']

const syntax: CallSyntax = {
  opens: { [OPEN]: skip(SPACE, one('{', { read: (sink) => new CallObject(sink) })) },
  close: CLOSE,
}

/** Hermes, Qwen 2.5, Qwen 3 and the built-in model: <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>, repeated. */
export const hermes: ToolFormat = {
  name: 'hermes',
  recognises: (template) => template.includes(OPEN) && !OTHERS.some((mark) => template.includes(mark)),
  markers: [OPEN, CLOSE],
  parser: (sink) => new CallScanner(sink, syntax),
  notation: {
    mark: OPEN,
    open: (name) => `${OPEN}\n{"name": ${JSON.stringify(name)}, "arguments": `,
    close: `}\n${CLOSE}`,
    between: '\n',
  },
}
