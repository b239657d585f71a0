import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import type { Begun, CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { either, literal, named, SPACE, skip, upTo } from '../scan/heads.ts'
import { NestedArguments, type NestedTags } from './nested-arguments.ts'
import { type ArgumentTags, TaggedArguments } from './tagged-arguments.ts'
import { type CallNotation, ID, type OfferedTools } from './tool-format.ts'

/** Tags around a call, its name and its arguments. */
export interface CallTags {
  /** Tags around each call, or around all of them. A call without them counts with the name of an offered tool. */
  readonly outer?: readonly [open: string, close: string]
  /** Whether the outer tags stand around all calls. */
  readonly together?: boolean
  /** Tag before the name. */
  readonly call: string
  /** Text that ends the name. Absent: the tag of an argument, or the one that ends the call. */
  readonly nameEnd?: string
  /** Text behind a number that stands behind the name's end. Absent: there is none. */
  readonly numbered?: string
  readonly arguments: ArgumentTags | NestedTags
  /** Tag before an answer's text, and tags that are never text. Default none. */
  readonly lead?: string
  readonly ends?: readonly string[]
  /** White space behind the name. Default none. */
  readonly gap?: string
  /** White space between two calls, and between them and the outer tags. Default the gap. */
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
  const { outer, together, call, nameEnd, numbered, arguments: style, lead, ends = [] } = tags
  const callEnd = isNested(style) ? style.prefix + style.callEnd : style.callEnd
  const begun = (name: string, written = ''): Begun => ({
    read: (sink) => {
      const schema = offered.get(name)
      const reader = isNested(style)
        ? new NestedArguments(sink, name, schema, style)
        : new TaggedArguments(sink, name, schema, style)
      for (const char of written) reader.push(char)
      return reader
    },
    ...(together && { next: () => inside() }),
  })
  const behindName = (name: string): HeadStep =>
    numbered === undefined ? begun(name) : named(numbered, () => begun(name))
  const head = (counts: (name: string) => boolean): Head =>
    nameEnd === undefined && !isNested(style)
      ? nameThenTag(style, begun)
      : named(nameEnd ?? '', (name) => (counts(name) ? behindName(name) : 'text'))
  const marked = literal(
    call,
    head(() => true),
  )
  const known = head((name) => offered.has(name))
  const inside: Head = () => skip(SPACE, marked)()
  return {
    opens: { ...(outer && { [outer[0]]: inside }), [call]: known },
    ...(lead !== undefined && { leading: literal(lead, 'content') }),
    ends: lead === undefined ? ends : [lead, ...ends],
    close: outer?.[1] ?? callEnd,
  }
}

/** A name, and the first tag behind it, which the reader of the arguments has to see. */
function nameThenTag({ name, callEnd }: ArgumentTags, begun: (name: string, written: string) => Begun): Head {
  return upTo('<', /^\s{0,8}[\w.-]{0,128}\s{0,8}$/, (text) => {
    // The last character is left for the reader, which says where the call ends.
    const tag = (whole: string): Head => literal(whole.slice(1, -1), begun(text.trim(), whole.slice(0, -1)))
    return text.trim() === '' ? 'text' : either(tag(name), tag(callEnd))
  })
}

function notation(tags: CallTags): CallNotation {
  const { outer, together = false, call, nameEnd = '', numbered, gap = '', between = gap } = tags
  const [open, close] = outer === undefined ? ['', ''] : [outer[0] + between, between + outer[1]]
  const style = tags.arguments
  const callEnd = isNested(style) ? style.prefix + style.callEnd : style.callEnd
  const number = numbered === undefined ? '' : ID + numbered
  return {
    mark: outer?.[0] ?? call,
    arguments: style,
    avoid: outer === undefined ? [] : [call],
    begin: together ? open : '',
    open: (name) => `${together ? '' : open}${call}${name}${nameEnd}${number}${gap}`,
    close: callEnd + (together ? '' : close),
    between,
    end: together ? close : '',
  }
}

function isNested(style: ArgumentTags | NestedTags): style is NestedTags {
  return 'prefix' in style
}
