import { CallObject } from '../scan/call-object.ts'
import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { CallSyntax } from '../scan/call-syntax.ts'
import { one, SPACE, skip } from '../scan/heads.ts'
import type { CallNotation, ToolFormat } from './tool-format.ts'

const ROLE_END = '<|role_sep|>'
const MESSAGE_END = '<|message_sep|>'
/** Header of a message that is a call. */
const HEADER = `function call${ROLE_END}`
const CALL = '<|function_call|>'

const call = skip(SPACE, one('{', { read: (sink) => new CallObject(sink) }))
const syntax: CallSyntax = { opens: { [HEADER]: call, [CALL]: call }, ends: [MESSAGE_END] }

/** Parser of both notations, for either format. */
const both = {
  markers: [CALL, ROLE_END, MESSAGE_END],
  parser: (sink: CallSink): ToolParser => new CallScanner(sink, syntax),
}

/** The notation of one call, the most that an answer may have: its template replays no second one. */
const behind = (mark: string, avoid: string): CallNotation => ({
  mark,
  open: (name) => `${mark}{"name": ${JSON.stringify(name)}, "arguments": `,
  close: '}',
  avoid: [avoid],
})

/** GigaChat 3: a message of its own, <|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "f", "arguments": {…}}. */
export const gigachat: ToolFormat = {
  ...both,
  name: 'gigachat',
  recognises: (template) =>
    template.includes('function call') && template.includes(ROLE_END) && !template.includes(CALL),
  notation: behind(`${MESSAGE_END}\n\n${HEADER}\n`, CALL),
}

/** GigaChat 3.1: <|function_call|>{"name": "f", "arguments": {…}}. */
export const gigachatTag: ToolFormat = {
  ...both,
  name: 'gigachat-tag',
  recognises: (template) => template.includes(ROLE_END) && template.includes(CALL),
  notation: behind(CALL, HEADER),
}
