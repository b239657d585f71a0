import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { Begun, CallReader, CallSyntax, Head } from '../scan/call-syntax.ts'
import { either, literal, named, SPACE, skip, upTo } from '../scan/heads.ts'
import { type ArgumentTags, TaggedArguments } from './tagged-arguments.ts'
import type { CallNotation, OfferedTools } from './tool-format.ts'

/** Tags around a call, its name and its arguments. */
export interface CallTags {
  /** Tags around each call, or around all of them. A call without them counts with the name of an offered tool. */
  readonly outer?: readonly [open: string, close: string]
  /** Whether the outer tags stand around all calls. */
  readonly together?: boolean
  /** Tag before the name. */
  readonly call: string
  /** What ends the name. Absent: the tag of an argument, or the one that ends the call. */
  readonly nameEnd?: string
  readonly arguments: ArgumentTags
  /** White space behind the outer opening tag, and behind the name, and before the outer closing tag. Default none. */
  readonly gap?: string
  /** White space between two calls. Default the gap. */
  readonly between?: string
}

/** Parser and notation of calls in such tags. */
export function taggedCalls(tags: CallTags): {
  readonly parser: (sink: CallSink, offered: OfferedTools) => ToolParser
  readonly notation: CallNotation
} {
  return { parser: (sink, offered) => new CallScanner(sink, syntax(tags, offered)), notation: notation(tags) }
}

function syntax(tags: CallTags, offered: OfferedTools): CallSyntax {
  const { outer, together, call, nameEnd } = tags
  const begun = (name: string, written = ''): Begun => ({
    read: (sink) => fed(new TaggedArguments(sink, name, offered.get(name), tags.arguments), written),
    ...(together && { next: () => inside() }),
  })
  const head = (counts: (name: string) => boolean): Head =>
    nameEnd === undefined
      ? nameThenTag(tags.arguments, begun)
      : named(nameEnd, (name) => (counts(name) ? begun(name) : 'text'))
  const marked = literal(
    call,
    head(() => true),
  )
  const known = head((name) => offered.has(name))
  const inside: Head = () => skip(SPACE, marked)()
  return {
    opens: { ...(outer && { [outer[0]]: inside }), [call]: known },
    close: outer?.[1] ?? tags.arguments.callEnd,
  }
}

/** A name, and the first tag behind it, which the reader of the arguments has to see. */
function nameThenTag({ name, callEnd }: ArgumentTags, begun: (name: string, written: string) => Begun): Head {
  return upTo('<', /^\s{0,8}[\w.-]{0,64}\s{0,8}$/, (text) => {
    // The last character is left for the reader, which says where the call ends.
    const tag = (whole: string): Head => literal(whole.slice(1, -1), begun(text.trim(), whole.slice(0, -1)))
    return text.trim() === '' ? 'text' : either(tag(name), tag(callEnd))
  })
}

function fed(reader: CallReader, text: string): CallReader {
  for (const char of text) reader.push(char)
  return reader
}

function notation({ outer, together, call, nameEnd = '', gap = '', ...tags }: CallTags): CallNotation {
  const [open, close] = outer ?? ['', '']
  const { between = gap } = tags
  const { callEnd } = tags.arguments
  const writes = { mark: open === '' ? call : open, arguments: tags.arguments, between }
  const avoid = outer === undefined ? [] : [call]
  return together
    ? {
        ...writes,
        avoid,
        begin: open + gap,
        open: (name) => `${call}${name}${nameEnd}${gap}`,
        close: callEnd,
        end: gap + close,
      }
    : {
        ...writes,
        avoid,
        open: (name) => `${open}${open === '' ? '' : gap}${call}${name}${nameEnd}${gap}`,
        close: callEnd + (open === '' ? '' : gap + close),
      }
}
