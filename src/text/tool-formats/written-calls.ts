import { beforeValue, behindValue } from './tagged-arguments.ts'
import { type ArgumentStyle, type CallNotation, ID } from './tool-format.ts'

/** A call: its name, and the JSON text of its arguments. */
interface Call {
  readonly name: string
  readonly arguments: string
}

/** Whether calls can be written in a notation: those with tags around arguments need the tool's schema to be read again. */
export function isWritable({ arguments: style = 'json' }: CallNotation): boolean {
  return style === 'json' || style === 'keywords'
}

/**
 * Calls as a model writes them, for a notation that is writable.
 * @param guard makes names and arguments harmless, as they are written: JSON may spell a control token in escapes.
 */
export function writtenCalls(
  calls: readonly Call[],
  notation: CallNotation,
  guard: (text: string) => string,
): string {
  const { arguments: style = 'json', begin = '', open, close, between = '', end = '' } = notation
  const written = calls.map(({ name, arguments: text }, index) => {
    const withId = (markup: string): string => markup.replaceAll(ID, String(index))
    const args = guard(style === 'keywords' ? keywords(text) : text)
    return withId(open(guard(name))) + args + withId(close)
  })
  return begin + written.join(between) + end
}

/** A call as a model writes it, with words in place of the name and the arguments. */
export function exampleCall({
  arguments: style = 'json',
  begin = '',
  open,
  close,
  end = '',
}: CallNotation): string {
  const example = begin + open('name of the function') + exampleArguments(style) + close + end
  return example.replaceAll(ID, '0')
}

function exampleArguments(style: ArgumentStyle): string {
  const [name, value] = ['name_of_an_argument', 'its value']
  if (style === 'json') return '{its arguments}'
  if (style === 'keywords') return `${name}=${value}`
  if (style === 'bare') return `{${name}:${value}}`
  if ('prefix' in style) return `${style.prefix}<${name}>${value}${style.prefix}</${name}>`
  return beforeValue(style, name, { type: 'string' }) + value + behindValue(style)
}

/** Name that a keyword can have in Python. */
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u

/** `a=1, b="x"`; the text itself where it is no object, or no keyword can have one of its names. */
function keywords(text: string): string {
  try {
    const args: unknown = JSON.parse(text)
    const isObject = typeof args === 'object' && args !== null && !Array.isArray(args)
    if (isObject && Object.keys(args).every((name) => IDENTIFIER.test(name))) {
      const pairs = Object.entries(args).map(([name, value]) => `${name}=${pythonLiteral(value)}`)
      return pairs.join(', ')
    }
  } catch {
    // A call that was cut is written as it is.
  }
  return text
}

function pythonLiteral(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item)}`)
  return `{${pairs.join(', ')}}`
}
