import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { either, objects, one, SPACE, skip, upTo, within } from '../scan/heads.ts'
import { JsonArguments } from '../scan/json-arguments.ts'
import type { CallNotation, ToolFormat } from './tool-format.ts'

const CALLS = '[TOOL_CALLS]'
const ID = '[CALL_ID]'
const ARGS = '[ARGS]'

const named = upTo('{', /^[^\r\n]{0,256}$/, (head): HeadStep => {
  const name = /^([\w.-]{1,128})\s*(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?\s*$/.exec(head)?.[1]
  return name === undefined ? 'text' : { read: (sink) => new JsonArguments(sink, name) }
})

/** A list of objects, or a name and its arguments. A name, an id and the tags are short, and have no line break in them. */
export const listOrName = (tag: string): Head =>
  within(256 - tag.length, skip(SPACE, either(one('[', objects(/[\s,]/)), named)))

const syntax: CallSyntax = { opens: { [CALLS]: listOrName(CALLS) } }

/** The notation of a list of objects behind a tag. */
export const listNotation = (tag: string): CallNotation => ({
  mark: tag,
  begin: `${tag}[`,
  open: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
  close: '}',
  between: ', ',
  end: ']',
})

/** Parser of both notations, for either format. */
const both = {
  markers: [CALLS, ID, ARGS],
  parser: (sink: CallSink): ToolParser => new CallScanner(sink, syntax),
  callId,
}

/** Mistral to v7: [TOOL_CALLS][{"name": "f", "arguments": {…}, "id": "…"}, …]. */
export const mistralList: ToolFormat = {
  ...both,
  name: 'mistral',
  recognises: (template) => template.includes(CALLS) && !template.includes(ARGS),
  notation: listNotation(CALLS),
}

/** Mistral from v11: [TOOL_CALLS]f[ARGS]{…} for each call, perhaps with [CALL_ID]… before the arguments, or without [ARGS]. */
export const mistral: ToolFormat = {
  ...both,
  name: 'mistral-args',
  recognises: (template) => template.includes(CALLS),
  notation: { mark: CALLS, open: (name) => `${CALLS}${name}${ARGS}`, close: '', between: '' },
}

/** Makes an id nine letters or digits, as Mistral's templates need; equal ids stay equal. */
function callId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id
  const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
  let out = ''
  // FNV-1a, one round for each letter.
  for (let round = 0; round < 9; round++) {
    let hash = 0x811c9dc5 ^ round
    for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
    out += letters[(hash ^ (hash >>> 15)) & 63] ?? letters[round]
  }
  return out
}
