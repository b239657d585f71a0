import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { CallSyntax, Head } from '../scan/call-syntax.ts'
import { one, SPACE, skip, upTo } from '../scan/heads.ts'
import { PythonCall } from './python-call.ts'
import type { OfferedTools, ToolFormat } from './tool-format.ts'

const [LFM_START, LFM_END] = ['<|tool_call_start|>', '<|tool_call_end|>']
const START = ['<|python_start|>', LFM_START]
const END = ['<|python_end|>', LFM_END]

/** Without a start tag calls must be the answer's beginning, in either. A call is sent whole, as its arguments are made into JSON. */
const both = {
  markers: [...START, ...END],
  parser: (sink: CallSink, offered: OfferedTools): ToolParser => new CallScanner(sink, syntax(offered)),
}
const inList = {
  arguments: 'keywords',
  open: (name: string): string => `${name}(`,
  close: ')',
  between: ', ',
} as const

/**
 * LFM2: <|tool_call_start|>[f(a=1, b="x"), g()]<|tool_call_end|>. Most of its templates hold no call: they are known by how
 * they list the tools.
 */
export const pythonicTagged: ToolFormat = {
  ...both,
  name: 'pythonic-tags',
  recognises: (template) =>
    [LFM_START, '<|tool_list_start|>', 'List of tools: ['].some((sign) => template.includes(sign)),
  notation: { ...inList, mark: LFM_START, begin: `${LFM_START}[`, end: `]${LFM_END}` },
}

/** Llama 3.2 (1B, 3B), Llama 4: the answer is [f(a=1, b="x"), g()], perhaps between tags. Names must be of offered tools. */
export const pythonic: ToolFormat = {
  ...both,
  name: 'pythonic',
  recognises: (template) => /\[func(?:tion)?_name1\(/.test(template),
  notation: {
    ...inList,
    begin: '[',
    end: ']',
    leading: { opening: (name) => ['[', `${name}(`], rest: '', behind: START },
  },
}

function syntax(offered: OfferedTools): CallSyntax {
  const call: Head = upTo('(', /^[\w.-]{1,128}$/, (name) =>
    offered.has(name) ? { read: (sink) => new PythonCall(sink, name), next } : 'text',
  )
  const next = skip(SPACE, one(',', skip(SPACE, call)))
  const list = skip(SPACE, one('[', skip(SPACE, call)))
  return { opens: Object.fromEntries(START.map((tag) => [tag, list])), leading: list, ends: END }
}
