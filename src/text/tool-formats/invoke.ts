import { CallScanner } from '../scan/call-scanner.ts'
import { objects } from '../scan/heads.ts'
import { taggedCalls } from './tagged-calls.ts'
import type { ToolFormat } from './tool-format.ts'

const DSML = '｜DSML｜'

/** Calls with names as attributes: <invoke name="f">\n<parameter name="a">value</parameter>\n</invoke>, in outer tags around all of them. */
function invoked(prefix: string, [open, close]: [string, string], attributes?: (type: string) => string) {
  return taggedCalls({
    outer: [open, close],
    together: true,
    call: `<${prefix}invoke name="`,
    nameEnd: '">',
    arguments: {
      name: `<${prefix}parameter name="`,
      nameEnd: '"',
      ...(attributes && { attributes }),
      value: '>',
      valueEnd: `</${prefix}parameter>`,
      callEnd: `</${prefix}invoke>`,
      outerEnd: close,
      gap: '\n',
    },
    gap: '\n',
  })
}

const MINIMAX: [string, string] = ['<minimax:tool_call>', '</minimax:tool_call>']

/** MiniMax M2. */
export const minimax: ToolFormat = {
  name: 'minimax',
  recognises: (template) => template.includes(MINIMAX[0]),
  markers: MINIMAX,
  ...invoked('', MINIMAX),
}

const dsml = (name: string, block: string): ToolFormat => {
  const outer: [string, string] = [`<${DSML}${block}>`, `</${DSML}${block}>`]
  return {
    name,
    // The templates put the tags together.
    recognises: (template) => template.includes(DSML) && template.includes(`${block}>`),
    markers: [DSML],
    ...invoked(DSML, outer, (type) => ` string="${type === 'string'}"`),
  }
}

/** DeepSeek V3.2: <｜DSML｜function_calls>, and each argument says whether it is a string. */
export const dsmlFunctions: ToolFormat = dsml('dsml-functions', 'function_calls')

/** DeepSeek V4: <｜DSML｜tool_calls>. */
export const dsmlTools: ToolFormat = dsml('dsml', 'tool_calls')

const [M1_CALLS, M1_CALLS_END] = ['<tool_calls>', '</tool_calls>']

/** MiniMax M1: <tool_calls>\n{"name": "f", "arguments": {…}}\n</tool_calls>, with a line for each call. */
export const minimaxLines: ToolFormat = {
  name: 'minimax-m1',
  recognises: (template) => /<tool_calls>(?:\n|\\n)\{\\?"name/.test(template),
  markers: [M1_CALLS, M1_CALLS_END],
  parser: (sink) => new CallScanner(sink, { opens: { [M1_CALLS]: objects(/\s/) }, tags: [M1_CALLS_END] }),
  notation: {
    mark: M1_CALLS,
    begin: `${M1_CALLS}\n`,
    open: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    close: '}',
    between: '\n',
    end: `\n${M1_CALLS_END}`,
  },
}

const NS = ']<]minimax[>['
const M3_CALLS: [string, string] = [`${NS}<tool_call>`, `${NS}</tool_call>`]

/** MiniMax M3: the same with a token before each tag, and a tag for each argument and all that is within it. */
export const minimaxNested: ToolFormat = {
  name: 'minimax-m3',
  recognises: (template) => template.includes(NS),
  markers: [NS, ...M3_CALLS, '<tool_call>', '</tool_call>'],
  ...taggedCalls({
    outer: M3_CALLS,
    together: true,
    call: `${NS}<invoke name="`,
    nameEnd: '">',
    arguments: { prefix: NS, item: 'item', callEnd: '</invoke>' },
    between: '\n',
  }),
}
