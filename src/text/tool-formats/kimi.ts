import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import { taggedCalls } from './tagged-calls.ts'
import { ID, type ToolFormat } from './tool-format.ts'

const [CALLS, CALLS_END] = ['<|tool_calls_section_begin|>', '<|tool_calls_section_end|>']
const [CALL, CALL_END] = ['<|tool_call_begin|>', '<|tool_call_end|>']
const ARGUMENTS = '<|tool_call_argument_begin|>'

/** An id, which names the function: functions.f:0. */
const call: Head = upTo(ARGUMENTS, /^.{0,128}$/s, (id): HeadStep => {
  const name = /^\s*(?:functions\.)?([\w.-]{1,128}?)(?::\d{1,9})?\s*$/.exec(id)?.[1]
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
    open: (name) => `${CALL}functions.${name}:${ID}${ARGUMENTS}`,
    close: CALL_END,
    between: '',
    end: CALLS_END,
    avoid: [CALL],
  },
}

const open = (tag: string): string => `<|open|>${tag}<|sep|>`
const close = (tag: string): string => `<|close|>${tag}<|sep|>`
const RESPONSE = open('response')

/**
 * Kimi K3: an answer is a response, and tools behind it, with calls that have a number, and arguments that have a type:
 * <|open|>call tool="f" index="1"<|sep|><|open|>argument key="a" type="string"<|sep|>value<|close|>argument<|sep|>…
 */
export const kimiTyped: ToolFormat = {
  name: 'kimi-k3',
  recognises: (template) => ["'<|open|>'", "open_tag('tools')"].every((text) => template.includes(text)),
  markers: ['<|open|>', '<|close|>', '<|sep|>', '<|end_of_msg|>'],
  lead: RESPONSE,
  ...taggedCalls({
    outer: [open('tools'), close('tools')],
    together: true,
    call: '<|open|>call tool="',
    nameEnd: '" index="',
    numbered: '"<|sep|>',
    lead: RESPONSE,
    ends: [close('response'), close('message'), '<|end_of_msg|>'],
    arguments: {
      name: '<|open|>argument key="',
      nameEnd: '"',
      attributes: (type) => ` type="${type === 'integer' ? 'number' : type}"`,
      value: '<|sep|>',
      valueEnd: close('argument'),
      callEnd: close('call'),
    },
  }),
}
