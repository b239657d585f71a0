import { taggedCalls } from './tagged-calls.ts'
import type { ToolFormat } from './tool-format.ts'

const CALL = '<function name="'
const KEY = '<param name="'

/** MiniCPM 5: <function name="f"><param name="a">value</param></function>, with <![CDATA[…]]> around what would be markup. */
export const minicpm: ToolFormat = {
  name: 'minicpm',
  recognises: (template) => ['<function name=', '<param name='].every((tag) => template.includes(tag)),
  markers: ['<function', '</function>', '<param', '</param>'],
  // llama.cpp leaves out a list or an object that a template does not spell itself.
  argument: (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
  ...taggedCalls({
    call: CALL,
    nameEnd: '">',
    arguments: {
      name: KEY,
      nameEnd: '"',
      value: '>',
      valueEnd: '</param>',
      callEnd: '</function>',
      quotes: { open: '<![CDATA[', close: ']]>', needed: '<&\n' },
    },
    between: '\n',
  }),
}
