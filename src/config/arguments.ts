import { ConfigError } from '../base/config-error.ts'
import { nearest } from '../base/suggest.ts'
import { flagAliases, foreignFlags, refusedFlags, sharingFlags } from './foreign-flags.ts'
import { readKvEventsConfig } from './kv-events-config.ts'
import { type Setting, type SettingName, settings } from './schema.ts'

export type Command = 'serve' | 'inspect' | 'help' | 'version'

export interface ParsedArguments {
  readonly command: Command
  /** The FILE of `inspect`. */
  readonly file: string | undefined
  readonly values: ReadonlyMap<SettingName, string>
  readonly warnings: readonly string[]
}

const byFlag = new Map<string, Setting>(settings.map((setting) => [setting.flag, setting]))
const commands: readonly Command[] = ['serve', 'inspect', 'help', 'version']
const isCommand = (word: string): word is Command => (commands as readonly string[]).includes(word)
const isFlag = (word: string): boolean => word.startsWith('--')

/** Reads a command line: the last of repeated flags wins, and empty arguments (templates that rendered to nothing) are ignored. */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  const reader = new ArgumentReader(argv)
  reader.readAll()
  return reader.result()
}

class ArgumentReader {
  readonly #rest: string[]
  readonly #values = new Map<SettingName, string>()
  readonly #warnings: string[] = []
  readonly #positionals: string[] = []
  #asked: 'help' | 'version' | undefined

  constructor(argv: readonly string[]) {
    this.#rest = [...argv]
  }

  readAll(): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === '' || word === '--') continue
      if (word === '--help' || word === '-h') this.#asked = 'help'
      else if (word === '--version' || word === '-V') this.#asked ??= 'version'
      else if (word.startsWith('-')) this.#flag(word)
      else this.#positionals.push(word)
    }
  }

  result(): ParsedArguments {
    const [first = 'serve', ...others] = this.#positionals
    const shared = { values: this.#values, warnings: this.#warnings }
    if (this.#asked) return { ...shared, command: this.#asked, file: undefined }
    if (!isCommand(first)) throw new ConfigError(unknownCommand(first))
    const file = first === 'inspect' ? others.shift() : undefined
    if (first === 'inspect' && file === undefined) throw new ConfigError('inspect needs a FILE.')
    if (others[0] !== undefined) throw new ConfigError(`Unexpected argument '${others[0]}'.`)
    return { ...shared, command: first, file }
  }

  #flag(word: string): void {
    const equals = word.indexOf('=')
    const given = equals < 0 ? word : word.slice(0, equals)
    const inline = equals < 0 ? undefined : word.slice(equals + 1)
    const spelled = given.replace(/^-+/, '').replaceAll('_', '-').toLowerCase()
    const flag = flagAliases[spelled] ?? spelled
    const setting = byFlag.get(flag)
    const negated = inline === undefined ? byFlag.get(flag.replace(/^no-/, '')) : undefined
    if (setting && isFlag(given)) this.#setting(setting, given, inline)
    else if (spelled === 'kv-events-config') this.#kvEvents(given, inline)
    else if (negated?.schema.type === 'boolean' && isFlag(given)) this.#values.set(negated.name, 'false')
    else if (foreignFlags.has(spelled)) this.#foreign(given, spelled, inline)
    // vLLM: every switch can be negated.
    else if (foreignFlags.get(spelled.replace(/^no-/, '')) === 'none') this.#foreign(given, spelled, inline)
    else throw new ConfigError(unknownFlag(given, flag, refusedFlags[spelled]))
  }

  #setting(setting: Setting, given: string, inline: string | undefined): void {
    const value = inline ?? this.#valueOf(setting, given)
    if (value !== '') this.#values.set(setting.name, value)
  }

  #kvEvents(given: string, inline: string | undefined): void {
    for (const [name, value] of readKvEventsConfig(given, inline ?? this.#next(given)))
      this.#values.set(name, value)
  }

  #valueOf(setting: Setting, given: string): string {
    if (setting.schema.type === 'boolean') {
      const [next] = this.#rest
      return next === 'true' || next === 'false' ? (this.#rest.shift() ?? '') : 'true'
    }
    const next = this.#next(given)
    // KServe: `--served-model-name NAME publishers/NS/models/NAME`, vLLM's list of words.
    return setting.schema.list === undefined ? next : [next, ...this.#words()].join(setting.schema.list)
  }

  #next(given: string): string {
    const next = this.#rest[0]
    if (next === undefined || isFlag(next)) throw new ConfigError(`${given} needs a value.`)
    this.#rest.shift()
    return next
  }

  /** Takes the words up to the next flag or command. */
  #words(): string[] {
    const end = this.#rest.findIndex((word) => word.startsWith('-') || isCommand(word))
    return this.#rest.splice(0, end < 0 ? this.#rest.length : end).filter((word) => word !== '')
  }

  #foreign(given: string, spelled: string, inline: string | undefined): void {
    const arity = foreignFlags.get(spelled)
    let value = inline
    if (inline === undefined && arity === 'list') this.#words()
    else if (inline === undefined && arity === 'value' && !isFlag(this.#rest[0] ?? '--'))
      value = this.#rest.shift()
    if (sharingFlags.has(spelled) && !['', '0', '1'].includes(value ?? (arity === 'none' ? 'on' : ''))) {
      throw new ConfigError(
        `${given} is not supported: one server holds the whole model. Use replicas instead.`,
      )
    }
    this.#warnings.push(`${given} is not supported here and was ignored.`)
  }
}

function unknownFlag(given: string, flag: string, reason: string | undefined): string {
  if (reason !== undefined) return `${given.slice(0, 64)} is not supported. ${reason}`
  const near = nearest(flag, [...byFlag.keys(), 'help', 'version'])
  return `Unknown flag ${given.slice(0, 64)}.${near ? ` Did you mean --${near}?` : ' See --help.'}`
}

function unknownCommand(word: string): string {
  const near = nearest(word, commands)
  const hint = near ? `Did you mean ${near}?` : 'A model is given with --model. See --help.'
  return `Unknown command '${word.slice(0, 64)}'. ${hint}`
}
