import { parseDocument } from 'yaml'
import { ConfigError } from '../base/config-error.ts'
import { nearest } from '../base/suggest.ts'
import { type SettingName, settings } from './schema.ts'

const names = settings.map(({ name }) => name).filter((name) => name !== 'config')

/** Reads a file of settings in YAML or JSON (JSON is YAML). */
export function readConfigFile(path: string, readFile: (path: string) => string): Map<SettingName, unknown> {
  const content = parse(path, text(path, readFile))
  if (content === null || content === undefined) return new Map()
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new ConfigError(`${path}: expected settings as "key: value" lines.`)
  }
  const problems: string[] = []
  const values = new Map<SettingName, unknown>()
  for (const [key, value] of Object.entries(content)) {
    const name = camel(key)
    const known = names.find((candidate) => candidate === name)
    if (known === undefined) problems.push(unknownKey(path, key, name))
    else if (value !== null && value !== '') values.set(known, value)
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return values
}

function text(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path)
  } catch (error) {
    throw new ConfigError(`--config: cannot read ${path}: ${error instanceof Error ? error.message : error}`)
  }
}

function parse(path: string, source: string): unknown {
  const document = parseDocument(source)
  const [error] = document.errors
  if (!error) {
    try {
      return document.toJS()
    } catch (cause) {
      throw new ConfigError(`${path}: ${cause instanceof Error ? cause.message : cause}`)
    }
  }
  const line = error.linePos?.[0].line ?? 1
  throw new ConfigError(`${path}, line ${line}: ${error.message.split('\n')[0]}`)
}

const camel = (key: string): string =>
  key.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase())

function unknownKey(path: string, key: string, name: string): string {
  const near = nearest(name, names)
  return `${path}: unknown key '${key.slice(0, 64)}'.${near ? ` Did you mean ${near}?` : ''}`
}
