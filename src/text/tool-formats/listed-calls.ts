import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head } from '../scan/call-syntax.ts'
import { objects, one, SPACE, skip } from '../scan/heads.ts'
import type { CallNotation, OfferedTools, ToolFormat } from './tool-format.ts'

/** Calls in a list between two tags: what differs from family to family. */
export interface ListedCalls {
  readonly name: string
  recognises(template: string): boolean
  /** Tag before the list. */
  readonly tag: string
  /** Tag behind the list. Default: none, the list ends with its bracket. */
  readonly close?: string
  /** Further tags that may begin a list. Default none. */
  readonly others?: readonly string[]
  /** Whether the tag is a word that a text may have, too: then it counts with the bracket, and names of offered tools only. Default false. */
  readonly isWord?: boolean
  /** Calls behind the opening bracket. Default: objects with `name` and `arguments`. */
  calls?(accepts: (name: string) => boolean): Head
  /** Spelling of one call. Default: an object with `name` and `arguments`. */
  readonly call?: Pick<CallNotation, 'open' | 'close'>
  /** White space behind the opening bracket, between two calls and before the closing bracket. */
  readonly space?: readonly [before: string, between: string, after: string]
}

/** The format of a family that lists its calls. */
export function listedCalls(family: ListedCalls): ToolFormat {
  const { name, tag, close, others = [], isWord = false, calls = objectCalls } = family
  const syntax = (offered: OfferedTools): CallSyntax => {
    const list = skip(
      SPACE,
      one(
        '[',
        calls((called) => !isWord || offered.has(called)),
      ),
    )
    return {
      opens: Object.fromEntries([tag, ...others].map((one) => [one, list])),
      ...(close !== undefined && { close }),
    }
  }
  return {
    name,
    recognises: (template) => family.recognises(template),
    markers: [tag, ...(close === undefined ? [] : [close])],
    parser: (sink, offered) => new CallScanner(sink, syntax(offered)),
    notation: { ...listNotation(family), mark: isWord ? `${tag}[` : tag, avoid: others },
  }
}

const objectCalls = (accepts: (name: string) => boolean): Head => objects(/[\s,]/, accepts)
const objectCall = {
  open: (name: string): string => `{"name": ${JSON.stringify(name)}, "arguments": `,
  close: '}',
}

/** The notation of calls in a list, but for what marks them. */
export function listNotation(family: Pick<ListedCalls, 'tag' | 'close' | 'call' | 'space'>): CallNotation {
  const { tag, close = '', call = objectCall, space = ['', ' ', ''] } = family
  const [before, between, after] = space
  return { ...call, begin: `${tag}[${before}`, between: `,${between}`, end: `${after}]${close}` }
}
