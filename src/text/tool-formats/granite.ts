import { MistralParser } from './mistral.ts'
import type { ToolFormat } from './tool-format.ts'

const CALLS = '<|tool_call|>'

/** Granite 3: <|tool_call|>[{"name": "f", "arguments": {…}}, …], now and then with <tool_call> before it. Granite 4 is hermes. */
export const granite: ToolFormat = {
  name: 'granite',
  recognises: (template) => template.includes(CALLS),
  markers: [CALLS],
  parser: (sink) => new MistralParser(sink, [CALLS, '<tool_call>']),
  notation: {
    mark: CALLS,
    begin: `${CALLS}[`,
    open: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    close: '}',
    between: ', ',
    end: ']',
    avoid: ['<tool_call>'],
  },
}
