import { listedCalls } from './listed-calls.ts'

const CALLS = '<tool_calls>'

/** Apriel 1.5 and 1.6: <tool_calls>[{"name": "f", "arguments": {…}}, …]</tool_calls>. */
export const apriel = listedCalls({
  name: 'apriel',
  recognises: (template) => template.includes(`${CALLS}[`),
  tag: CALLS,
  close: '</tool_calls>',
})
