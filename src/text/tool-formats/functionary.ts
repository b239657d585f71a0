import { CallScanner } from '../scan/call-scanner.ts'
import type { CallSyntax, Head, HeadStep } from '../scan/call-syntax.ts'
import { upTo } from '../scan/heads.ts'
import { OpenArguments } from '../scan/json-arguments.ts'
import type { OfferedTools, ToolFormat } from './tool-format.ts'

const NEXT = '>>>'
const ALL = 'all'

/**
 * Functionary 3.2: parts with >>> between, the first one opened by the prompt: all\ntext for the user, f\n{…} for a call.
 */
export const functionary: ToolFormat = {
  name: 'functionary',
  recognises: (template) => template.includes(`${NEXT}${ALL}`),
  markers: [],
  parser: (sink, offered) => new CallScanner(sink, syntax(offered)),
  lead: `${ALL}\n`,
  notation: {
    open: (name) => `${name}\n`,
    close: '',
    between: NEXT,
    leading: { opening: (name) => [`${name}\n`], rest: '', behind: [NEXT] },
  },
}

function syntax(offered: OfferedTools): CallSyntax {
  const part = (otherwise: 'text' | 'plain'): Head =>
    upTo('\n', /^.{0,128}$/s, (text) => begun(text.trim()) ?? otherwise, otherwise)
  const begun = (name: string): HeadStep | undefined => {
    if (name === ALL) return 'content'
    return offered.has(name) ? { read: (sink) => new OpenArguments(sink, name) } : undefined
  }
  return { opens: { [NEXT]: part('text') }, leading: part('plain') }
}
