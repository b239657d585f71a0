import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax } from '../scan/call-syntax.ts'
import { literal, SPACE, skip, upTo } from '../scan/heads.ts'
import { BareArguments, CALL_END, STRING } from './bare-arguments.ts'
import type { ToolFormat } from './tool-format.ts'

const CALL = '<|tool_call>'

const named = upTo('{', /^[\w.-]{1,128}$/, (name) => ({ read: (sink) => new BareArguments(sink, name) }))
const syntax: CallSyntax = { opens: { [CALL]: skip(SPACE, literal('call:', named)) }, close: CALL_END }

/** Gemma 4: <|tool_call>call:f{city:<|"|>Paris<|"|>,days:2}<tool_call|> for each call. */
export const gemma: ToolFormat = {
  name: 'gemma',
  recognises: (template) => template.includes(CALL) && template.includes(CALL_END),
  markers: [CALL, CALL_END, STRING],
  parser: (sink) => new CallScanner(sink, syntax),
  notation: {
    mark: CALL,
    arguments: 'bare',
    open: (name) => `${CALL}call:${name}`,
    close: CALL_END,
    between: '',
  },
}
