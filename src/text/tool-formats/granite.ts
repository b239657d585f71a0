import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax } from '../scan/call-syntax.ts'
import { listNotation, listOrName } from './mistral.ts'
import type { ToolFormat } from './tool-format.ts'

const CALLS = '<|tool_call|>'
const OTHER = '<tool_call>'

const syntax: CallSyntax = { opens: { [CALLS]: listOrName(CALLS), [OTHER]: listOrName(OTHER) } }

/** Granite 3: <|tool_call|>[{"name": "f", "arguments": {…}}, …], now and then with <tool_call> before it. Granite 4 is hermes. */
export const granite: ToolFormat = {
  name: 'granite',
  recognises: (template) => template.includes(CALLS),
  markers: [CALLS],
  parser: (sink) => new CallScanner(sink, syntax),
  notation: { ...listNotation(CALLS), avoid: [OTHER] },
}
