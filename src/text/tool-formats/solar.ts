import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import { shortId } from './call-ids.ts'
import { ID, type ToolFormat } from './tool-format.ts'

const CALLS = '<|tool_calls|>'
const CALLS_END = '<|calls|>'
const CALL = '<|tool_call:begin|>'
const CALL_END = '<|tool_call:end|>'
const NAME = '<|tool_call:name|>'
const ARGUMENTS = '<|tool_call:args|>'

const named: Head = upTo(ARGUMENTS, /^[\w.-]{1,128}$/, (name) =>
  skip(SPACE, one('{', { read: (sink) => new JsonArguments(sink, name) })),
)
const call: Head = upTo(NAME, /^.{0,64}$/s, () => named)

const syntax: CallSyntax = {
  opens: { [CALLS]: skip(SPACE, one(CALL, call)), [CALL]: call },
  tags: [CALLS_END, CALL_END, NAME, ARGUMENTS],
}

/** Solar Open: <|tool_calls|><|tool_call:begin|>id<|tool_call:name|>f<|tool_call:args|>{…}<|tool_call:end|><|calls|>. */
export const solar: ToolFormat = {
  name: 'solar',
  recognises: (template) => template.includes(CALL) && template.includes(ARGUMENTS),
  markers: [CALLS, CALLS_END, CALL, CALL_END, NAME, ARGUMENTS],
  parser: (sink) => new CallScanner(sink, syntax),
  notation: {
    mark: CALLS,
    begin: CALLS,
    open: (name) => `${CALL}${ID}${NAME}${name}${ARGUMENTS}`,
    close: CALL_END,
    between: '',
    end: CALLS_END,
    avoid: [CALL],
    ids: 'letters',
  },
  callId: (id) => shortId(id, 10, /^[a-z0-9]{10}$/),
}
