import { ConfigError } from '../base/config-error.ts'

/** A requested adapter: the path of a GGUF file, or of a folder that holds one. */
export interface LoraModule {
  readonly name: string
  readonly path: string
}

/**
 * Reads vLLM's notation: `name=path` or `{"name": "...", "path": "..."}`, one a word or a line. KServe writes the latter in literal
 * single quotes. @throws ConfigError.
 */
export function parseLoraModules(text: string | undefined): LoraModule[] {
  const modules = (text ?? '').split('\n').flatMap((line) => {
    const plain = line.trim().replace(/^(['"])(.*)\1$/s, '$2')
    if (plain === '') return []
    return plain.startsWith('{') ? [fromJson(plain)] : plain.split(/\s+/).map(fromPair)
  })
  const names = modules.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new ConfigError(`Cannot use --lora-modules: the name ${twice} is given twice.`)
  return modules
}

function fromJson(text: string): LoraModule {
  try {
    const { name, path } = JSON.parse(text) as Record<string, unknown>
    if (typeof name === 'string' && name !== '' && typeof path === 'string' && path !== '')
      return { name, path }
  } catch {
    // The message below says what is expected.
  }
  throw new ConfigError(
    `Cannot use --lora-modules: ${text.slice(0, 200)} is not {"name": "...", "path": "..."}.`,
  )
}

function fromPair(text: string): LoraModule {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || path === undefined)
    throw new ConfigError(`Cannot use --lora-modules: ${text.slice(0, 200)} is not NAME=PATH.`)
  return { name, path }
}
