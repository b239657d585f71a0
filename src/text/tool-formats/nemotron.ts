import { listedCalls } from './listed-calls.ts'

const CALLS = '<TOOLCALL>'

/** Nemotron Nano v2: <TOOLCALL>[{"name": "f", "arguments": {…}}, …]</TOOLCALL>. Nemotron 3 is qwen-xml. */
export const nemotron = listedCalls({
  name: 'nemotron',
  recognises: (template) => template.includes(CALLS),
  tag: CALLS,
  close: '</TOOLCALL>',
})
