import { listedCalls } from './listed-calls.ts'

const CALLS = '<|tool_call|>'

/** Granite 3: <|tool_call|>[{"name": "f", "arguments": {…}}, …], now and then with <tool_call> before it. Granite 4 is hermes. */
export const granite = listedCalls({
  name: 'granite',
  recognises: (template) => template.includes(CALLS),
  tag: CALLS,
  others: ['<tool_call>'],
})
