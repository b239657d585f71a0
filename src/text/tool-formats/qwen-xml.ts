import { type CallTags, taggedCalls } from './tagged-calls.ts'
import type { ToolFormat } from './tool-format.ts'

const [OPEN, CLOSE] = ['<tool_call>', '</tool_call>']
const [SEED_OPEN, SEED_CLOSE] = ['<seed:tool_call>', '</seed:tool_call>']
const CALL = '<function='
const KEY = '<parameter='

const inner = {
  call: CALL,
  nameEnd: '>',
  arguments: { name: KEY, nameEnd: '>', valueEnd: '</parameter>', callEnd: '</function>', gap: '\n' },
  gap: '\n',
} as const satisfies CallTags

/**
 * Qwen3-Coder, Qwen 3.5, Nemotron 3, Step 3.5: <tool_call>\n<function=f>\n<parameter=a>\nvalue\n</parameter>\n</function>\n</tool_call>.
 * Values have no types: what the schema calls a string is one, anything else is JSON where it parses.
 */
export const qwenXml: ToolFormat = {
  name: 'qwen-xml',
  recognises: (template) => template.includes(OPEN) && template.includes(CALL) && template.includes(KEY),
  markers: [OPEN, CLOSE],
  ...taggedCalls({
    ...inner,
    outer: [OPEN, CLOSE],
    arguments: { ...inner.arguments, padding: '\n', outerEnd: CLOSE },
  }),
}

/** Seed-OSS: <seed:tool_call>\n<function=f>\n<parameter=a>value</parameter>\n</function>\n</seed:tool_call>. */
export const seed: ToolFormat = {
  name: 'seed',
  recognises: (template) => template.includes(SEED_OPEN) && template.includes(KEY),
  markers: [SEED_OPEN, SEED_CLOSE],
  ...taggedCalls({
    ...inner,
    outer: [SEED_OPEN, SEED_CLOSE],
    arguments: { ...inner.arguments, outerEnd: SEED_CLOSE },
  }),
}
