import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../base/config-error.ts'
import { nearest } from '../base/suggest.ts'
import { type Command, parseArguments } from './arguments.ts'
import { readConfigFile } from './file.ts'
import { type Config, type Setting, type SettingName, settings } from './schema.ts'
import { checkedValue } from './value.ts'

export { ConfigError } from '../base/config-error.ts'

/** Seconds to wait for the model of an OCI image: pulling many GB takes minutes. */
const ASYNC_MODEL_S = 600

export type Environment = Readonly<Record<string, string | undefined>>

export interface LoadedConfig {
  readonly command: Command
  /** The FILE of `inspect`. */
  readonly file: string | undefined
  readonly config: Config
  readonly warnings: readonly string[]
}

/** A value and its source, as the operator would name it. */
interface Given {
  readonly value: unknown
  readonly from: string
}

/** Loads the settings: flags win over environment, environment over file, file over defaults. @throws ConfigError of all problems. */
export function loadConfig(
  argv: readonly string[],
  env: Environment,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): LoadedConfig {
  const { command, file, values, warnings } = parseArguments(argv)
  // `--help` must work whatever the environment holds.
  if (command === 'help' || command === 'version') {
    return { command, file, config: resolve(() => undefined, env), warnings }
  }
  const outer = (setting: Setting): Given | undefined =>
    fromFlag(setting, values) ?? fromEnvironment(setting, env)
  const path = settings.filter(({ name }) => name === 'config').map((setting) => outer(setting)?.value)[0]
  const fileValues =
    typeof path === 'string' ? readConfigFile(path, readFile) : new Map<SettingName, unknown>()
  const config = resolve((setting) => outer(setting) ?? fromFile(setting, fileValues, String(path)), env)
  return { command, file, config, warnings: [...warnings, ...environmentWarnings(env)] }
}

function resolve(lookup: (setting: Setting) => Given | undefined, env: Environment): Config {
  const problems: string[] = []
  const entries: [string, unknown][] = []
  for (const setting of settings) {
    const given = lookup(setting)
    const value = given
      ? checkedValue(setting.schema, given.value)
      : { ok: true as const, value: fallback(setting, env) }
    if (!value.ok) problems.push(`${given?.from}: ${value.problem}`)
    else if (value.value !== undefined) entries.push([setting.name, value.value])
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return Object.freeze(Object.fromEntries(entries)) as Config
}

function fromFlag(setting: Setting, values: ReadonlyMap<SettingName, string>): Given | undefined {
  const value = values.get(setting.name)
  return value === undefined ? undefined : { value, from: `--${setting.flag}` }
}

function fromEnvironment(setting: Setting, env: Environment): Given | undefined {
  const name = setting.variables.find((variable) => usable(variable, env[variable]))
  return name === undefined ? undefined : { value: env[name], from: name }
}

// Kubernetes sets ALTIPLANO_PORT=tcp://10.0.0.1:80 in every pod beside a Service named "altiplano".
const usable = (name: string, value: string | undefined): boolean =>
  value !== undefined && value !== '' && !(/PORT/.test(name) && value.startsWith('tcp://'))

function fromFile(
  setting: Setting,
  values: ReadonlyMap<SettingName, unknown>,
  path: string,
): Given | undefined {
  const value = values.get(setting.name)
  return value === undefined ? undefined : { value, from: `${path}: ${setting.name}` }
}

function environmentWarnings(env: Environment): string[] {
  const known = settings.flatMap(({ variables }) => variables)
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('ALTIPLANO_') || known.includes(name) || !usable(name, env[name])) return []
    // Service links again: ALTIPLANO_PORT_8080_TCP, ALTIPLANO_SERVICE_HOST.
    if (/^ALTIPLANO_(PORT|SERVICE)_/.test(name)) return []
    const near = nearest(
      name.slice(10),
      known.map((variable) => variable.replace(/^ALTIPLANO_/, '')),
    )
    return near ? [`Unknown variable ${name} was ignored. Did you mean ALTIPLANO_${near}?`] : []
  })
}

/** The value of a setting that is not given. */
function fallback({ name, schema }: Setting, env: Environment): unknown {
  if (name === 'modelCache') return defaultCache(env)
  // KServe: the model of an OCI image appears after the start.
  if (name === 'waitForModel' && env['MODEL_INIT_MODE'] === 'async') return ASYNC_MODEL_S
  return schema.default
}

function defaultCache(env: Environment): string {
  const { XDG_CACHE_HOME: cache, HOME: home } = env
  if (cache) return join(cache, 'altiplano')
  return home ? join(home, '.cache', 'altiplano') : join(tmpdir(), 'altiplano')
}
