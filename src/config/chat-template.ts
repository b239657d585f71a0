import { readFileSync } from 'node:fs'
import { ConfigError } from '../base/config-error.ts'
import { SET_VARIABLES } from '../text/template/template-variables.ts'
import type { Config } from './schema.ts'

/** Most characters of a template; those of models have 20,000 and less. */
const MAX_CHARACTERS = 1_000_000

/** The operator's chat template and its variables. @throws ConfigError. */
export function operatorTemplate({
  chatTemplate,
  chatTemplateKwargs,
}: Pick<Config, 'chatTemplate' | 'chatTemplateKwargs'>): {
  source: string | undefined
  kwargs: Readonly<Record<string, unknown>>
} {
  return {
    source: chatTemplate === undefined ? undefined : templateOf(chatTemplate),
    kwargs: chatTemplateKwargs === undefined ? {} : kwargsOf(chatTemplateKwargs),
  }
}

/** A file's text; vLLM and llama-server take the template itself, too. */
function templateOf(given: string): string {
  if (/\{[{%]/.test(given)) return given
  try {
    const text = readFileSync(given, 'utf8')
    if (text.trim() !== '' && text.length <= MAX_CHARACTERS) return text
  } catch (cause) {
    throw new ConfigError(`Cannot read --chat-template ${given.slice(0, 200)}: ${(cause as Error).message}`)
  }
  throw new ConfigError(
    `Cannot use --chat-template ${given.slice(0, 200)}: it is empty, or has more than ${MAX_CHARACTERS} characters.`,
  )
}

function kwargsOf(text: string): Readonly<Record<string, unknown>> {
  const kwargs = parsed(text)
  const taken = SET_VARIABLES.find((name) => Object.hasOwn(kwargs, name))
  if (taken === undefined) return kwargs
  throw new ConfigError(`Cannot set ${taken} by --chat-template-kwargs: the server sets it in every chat.`)
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // The message below says what is expected.
  }
  throw new ConfigError(`Cannot use --chat-template-kwargs: ${text.slice(0, 200)} is not a JSON object.`)
}
