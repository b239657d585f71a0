import { CallObject } from './call-object.ts'
import type { Head, HeadStep } from './call-syntax.ts'

export const SPACE = /\s/

/** Any number of some characters, then another head. */
export function skip(skipped: RegExp, then: Head): Head {
  return () => {
    let step: ReturnType<Head> | undefined
    return (next) => {
      if (step === undefined && skipped.test(next)) return 'more'
      step ??= then()
      return step(next)
    }
  }
}

/** One character, or one tag. */
export function one(symbol: string, then: HeadStep): Head {
  return () => (next) => (next === symbol ? then : 'text')
}

/** A sequence of characters. */
export function literal(text: string, then: HeadStep): Head {
  return () => {
    let written = ''
    return (next) => {
      written += next
      if (written === text) return then
      return text.startsWith(written) ? 'more' : 'text'
    }
  }
}

/**
 * Characters up to this one, or to this tag.
 * @param allowed matches what may stand there, whole or begun; it must have a limit of length.
 */
export function upTo(
  end: string,
  allowed: RegExp,
  then: (text: string) => HeadStep,
  otherwise: 'text' | 'plain' = 'text',
): Head {
  return () => {
    let text = ''
    return (next) => {
      if (next === end) return then(text)
      text += next
      return next.length === 1 && allowed.test(text) ? 'more' : otherwise
    }
  }
}

/** Letters and digits of a name, at most 64, then this text. */
export function named(behind: string, then: (name: string) => HeadStep): Head {
  return () => {
    let text = ''
    return (next) => {
      text += next
      const name = /^[\w.-]{0,128}/.exec(text)?.[0] ?? ''
      const rest = text.slice(name.length)
      if (rest === behind && name !== '') return then(name)
      return next.length === 1 && behind.startsWith(rest) ? 'more' : 'text'
    }
  }
}

/** A head of no more than so many characters. */
export function within(limit: number, head: Head): Head {
  return () => {
    const step = head()
    let length = 0
    return (next) => {
      length += next.length
      const outcome = step(next)
      return outcome === 'more' && length > limit ? 'text' : outcome
    }
  }
}

/** The first head, unless its first character does not fit: then the second. */
export function either(first: Head, second: Head): Head {
  return () => {
    let step: ReturnType<Head> | undefined
    return (next) => {
      if (step !== undefined) return step(next)
      const attempt = first()
      const outcome = attempt(next)
      step = outcome === 'text' ? second() : attempt
      return outcome === 'text' ? step(next) : outcome
    }
  }
}

/** Calls written as JSON objects, with any number of some characters before each. */
export function objects(between: RegExp, accepts?: (name: string) => boolean, nameKey?: string): Head {
  const head: Head = () =>
    skip(between, one('{', { read: (sink) => new CallObject(sink, accepts, nameKey), next: head }))()
  return head
}
