import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import type { ToolFormat } from './tool-format.ts'

const CALLS = '<｜tool▁calls▁begin｜>'
const CALLS_END = '<｜tool▁calls▁end｜>'
const CALL = '<｜tool▁call▁begin｜>'
const CALL_END = '<｜tool▁call▁end｜>'
const SEPARATOR = '<｜tool▁sep｜>'
const NAME = /^[\w.-]{1,128}$/

const FENCE = '```json'

/** Head behind the separator. V3.1 names the function before it; V3 and R1 behind it, where they open a block of code. */
const behind = (before: string): Head =>
  upTo('{', /^.{0,128}$/s, (text): HeadStep => {
    const name = text.replace(/```(?:json)?\s*$/, '').trim() || before.trim()
    return NAME.test(name) ? { read: (sink) => new JsonArguments(sink, name) } : 'text'
  })

const before = upTo(SEPARATOR, /^.{0,128}$/s, (text) => (text === '' ? 'text' : behind(text)))

const call: Head = () => {
  const step = before()
  return (next) => (next === CALL ? call : step(next))
}

const syntax: CallSyntax = {
  opens: { [CALLS]: skip(SPACE, one(CALL, call)), [CALL]: call },
  tags: [CALLS_END, CALL_END, SEPARATOR],
}

/** Parser of both notations, for either format, between <｜tool▁calls▁begin｜> and <｜tool▁calls▁end｜>. */
const both = {
  markers: [CALLS, CALLS_END, CALL, CALL_END, SEPARATOR],
  parser: (sink: CallSink): ToolParser => new CallScanner(sink, syntax),
}
const around = { mark: CALLS, begin: CALLS, end: CALLS_END, avoid: [CALL] }

/** DeepSeek V3 and R1: <｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{…}\n```<｜tool▁call▁end｜>. */
export const deepseekFenced: ToolFormat = {
  ...both,
  name: 'deepseek-r1',
  recognises: (template) => deepseek.recognises(template) && template.includes(FENCE),
  notation: {
    ...around,
    open: (name) => `${CALL}function${SEPARATOR}${name}\n${FENCE}\n`,
    close: `\n\`\`\`${CALL_END}`,
    between: '\n',
  },
}

/** DeepSeek V3.1: <｜tool▁call▁begin｜>f<｜tool▁sep｜>{…}<｜tool▁call▁end｜>. */
export const deepseek: ToolFormat = {
  ...both,
  name: 'deepseek',
  recognises: (template) => template.includes(CALL) && template.includes(SEPARATOR),
  notation: { ...around, open: (name) => `${CALL}${name}${SEPARATOR}`, close: CALL_END, between: '' },
}
