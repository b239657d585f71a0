import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { CallSyntax, HeadStep } from '../scan/call-syntax.ts'
import { either, objects, one, SPACE, skip, upTo, within } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import { shortId } from './call-ids.ts'
import { listNotation } from './listed-calls.ts'
import type { ToolFormat } from './tool-format.ts'

const CALLS = '[TOOL_CALLS]'
const ID = '[CALL_ID]'
const ARGS = '[ARGS]'

const named = upTo('{', /^[^\r\n]{0,256}$/, (head): HeadStep => {
  const name = /^([\w.-]{1,128})\s*(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?\s*$/.exec(head)?.[1]
  return name === undefined ? 'text' : { read: (sink) => new JsonArguments(sink, name) }
})

/** A list of objects, or a name and its arguments. A name, an id and the tags are short, and have no line break in them. */
const listOrName = within(256 - CALLS.length, skip(SPACE, either(one('[', objects(/[\s,]/)), named)))

const syntax: CallSyntax = { opens: { [CALLS]: listOrName } }

/** Parser of both notations, for either format. */
const both = {
  markers: [CALLS, ID, ARGS],
  parser: (sink: CallSink): ToolParser => new CallScanner(sink, syntax),
  callId: (id: string): string => shortId(id, 9, /^[a-zA-Z0-9]{9}$/),
}

/** Mistral to v7: [TOOL_CALLS][{"name": "f", "arguments": {…}, "id": "…"}, …]. */
export const mistralList: ToolFormat = {
  ...both,
  name: 'mistral',
  recognises: (template) => template.includes(CALLS) && !template.includes(ARGS),
  notation: { ...listNotation({ tag: CALLS }), mark: CALLS },
}

/** Mistral from v11: [TOOL_CALLS]f[ARGS]{…} for each call, perhaps with [CALL_ID]… before the arguments, or without [ARGS]. */
export const mistral: ToolFormat = {
  ...both,
  name: 'mistral-args',
  recognises: (template) => template.includes(CALLS),
  notation: { mark: CALLS, open: (name) => `${CALLS}${name}${ARGS}`, close: '', between: '' },
}
