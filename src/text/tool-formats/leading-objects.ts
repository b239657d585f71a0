import { CallObject } from '../scan/call-object.ts'
import type { Begun, CallSyntax, Head } from '../scan/call-syntax.ts'
import { objects } from '../scan/heads.ts'
import type { CallNotation, OfferedTools } from './tool-format.ts'

/** Many models put JSON into a block of code. */
const FENCE = '```json'

/** The notation of a call that is such an object, with this key for its arguments. */
export function objectNotation(key: string, behind: readonly string[] = []): CallNotation {
  const rest = `, "${key}": `
  return {
    open: (name) => `{"name": ${JSON.stringify(name)}${rest}`,
    close: '}',
    leading: {
      opening: (name) => ['{', '"name"', ':', JSON.stringify(name)],
      rest,
      behind,
      fences: [`${FENCE}\n`, '```\n'],
    },
  }
}

/**
 * Calls as JSON objects at the beginning of an answer, with white space, line ends or semicolons between, or behind a tag.
 * As nothing else marks a call, only names of offered tools count.
 */
export function leadingObjects(offered: OfferedTools, tags: readonly string[] = []): CallSyntax {
  const accepts = (name: string): boolean => offered.has(name)
  const next = objects(/[\s;]/, accepts)
  const leading = fenced({ read: (sink) => new CallObject(sink, accepts), next })
  return { opens: Object.fromEntries(tags.map((tag) => [tag, next])), leading }
}

/** White space or semicolons, or what opens a block of code, before the first object. */
function fenced(object: Begun): Head {
  return () => {
    let before = ''
    return (next) => {
      if (next === '{') return opensBlock(before.trim()) ? object : 'text'
      before += next
      return /^[\s;]$/.test(next) || FENCE.startsWith(before.trimStart()) ? 'more' : 'text'
    }
  }
}

/** Whether what stands before an object may: nothing, separators, or the whole opening of a block of code. */
function opensBlock(before: string): boolean {
  return !before.startsWith('`') || before === FENCE || before === '```'
}
