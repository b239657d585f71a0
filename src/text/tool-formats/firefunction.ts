import { listedCalls } from './listed-calls.ts'

const CALLS = 'functools'

/** Firefunction v2, and Phi 4 mini with a template that takes tools: functools[{"name": "f", "arguments": {…}}, …]. */
export const firefunction = listedCalls({
  name: 'firefunction',
  recognises: (template) => template.includes(`${CALLS}[`),
  tag: CALLS,
  isWord: true,
})
