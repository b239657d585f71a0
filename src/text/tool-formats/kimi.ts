import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import type { ToolFormat } from './tool-format.ts'

const [CALLS, CALLS_END] = ['<|tool_calls_section_begin|>', '<|tool_calls_section_end|>']
const [CALL, CALL_END] = ['<|tool_call_begin|>', '<|tool_call_end|>']
const ARGUMENTS = '<|tool_call_argument_begin|>'

/** An id, which names the function: functions.f:0. */
const call: Head = upTo(ARGUMENTS, /^.{0,128}$/s, (id): HeadStep => {
  const name = /^\s*(?:functions\.)?([\w.-]{1,64}?)(?::\d{1,9})?\s*$/.exec(id)?.[1]
  return name === undefined
    ? 'text'
    : skip(SPACE, one('{', { read: (sink) => new JsonArguments(sink, name) }))
})

const syntax: CallSyntax = {
  opens: { [CALLS]: skip(SPACE, one(CALL, call)), [CALL]: call },
  tags: [CALLS_END, CALL_END, ARGUMENTS],
}

/**
 * Kimi K2: <|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{…}<|tool_call_end|>,
 * any number of them, and <|tool_calls_section_end|>. The number is the call's.
 */
export const kimi: ToolFormat = {
  name: 'kimi',
  recognises: (template) => template.includes(CALLS) && template.includes(ARGUMENTS),
  markers: [CALLS, CALLS_END, CALL, CALL_END, ARGUMENTS],
  parser: (sink) => new CallScanner(sink, syntax),
  // Results are headed by the id of their call.
  callId: (_id, name, index) => `functions.${name}:${index}`,
  notation: {
    mark: CALLS,
    begin: CALLS,
    open: (name) => `${CALL}functions.${name}:`,
    numbered: ARGUMENTS,
    close: CALL_END,
    between: '',
    end: CALLS_END,
    avoid: [CALL],
  },
}
