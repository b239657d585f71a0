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

/** Calls as a model writes them, for a notation that is writable. */
export function writtenCalls(calls: readonly Call[], notation: CallNotation): string {
  const { arguments: style = 'json', begin = '', open, close, between = '', end = '' } = notation
  const written = calls.map(({ name, arguments: text }, index) => {
    const call = open(name) + (style === 'keywords' ? keywords(text) : text) + close
    return call.replaceAll(ID, String(index))
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

/** `a=1, b="x"`; the text itself where it is no object. */
function keywords(text: string): string {
  try {
    const args: unknown = JSON.parse(text)
    if (typeof args === 'object' && args !== null && !Array.isArray(args)) {
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
