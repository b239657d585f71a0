import { CallScanner } from '../scan/call-scanner.ts'
import type { Head } from '../scan/call-syntax.ts'
import { literal, objects, one, SPACE, skip } from '../scan/heads.ts'
import { listedCalls, listNotation } from './listed-calls.ts'
import { ID, type ToolFormat } from './tool-format.ts'

const CALLS = '<|START_ACTION|>'
const NAME = 'tool_name'

const calls = (accepts: (name: string) => boolean): Head => objects(/[\s,]/, accepts, NAME)

/** Command R7B, A and later: <|START_ACTION|>[{"tool_call_id": "0", "tool_name": "f", "parameters": {…}}, …]<|END_ACTION|>. */
export const command = listedCalls({
  name: 'command',
  recognises: (template) => template.includes(CALLS),
  tag: CALLS,
  close: '<|END_ACTION|>',
  calls,
  call: {
    open: (name) => `{"tool_call_id": "${ID}", "${NAME}": ${JSON.stringify(name)}, "parameters": `,
    close: '}',
  },
  space: ['\n    ', '\n    ', '\n'],
})

const ACTION = 'Action:'
const FENCE = '```json'

/**
 * Command R and R+: Action: and a block of code with [{"tool_name": "f", "parameters": {…}}, …]. As a text may hold all of
 * that, only names of offered tools count.
 */
export const commandPlus: ToolFormat = {
  name: 'command-plus',
  recognises: (template) => template.includes('json-formatted list of actions'),
  markers: [],
  parser: (sink, offered) => {
    const list = skip(
      SPACE,
      one(
        '[',
        calls((name) => offered.has(name)),
      ),
    )
    const block = skip(SPACE, literal(FENCE, list))
    return new CallScanner(sink, { opens: { [ACTION]: block }, leading: block })
  },
  notation: {
    ...listNotation({
      tag: `${ACTION} ${FENCE}\n`,
      space: ['\n    ', '\n    ', '\n'],
      close: '\n```',
      call: {
        open: (name) => `{\n        "${NAME}": ${JSON.stringify(name)},\n        "parameters": `,
        close: '\n    }',
      },
    }),
    leading: {
      opening: (name) => [FENCE, '[', '{', `"${NAME}"`, ':', JSON.stringify(name)],
      rest: ',\n        "parameters": ',
      behind: [ACTION],
    },
  },
}
