import { ConfigError } from '../base/config-error.ts'
import { parseLoraModules } from '../config/lora-modules.ts'
import { type Config, servedNames } from '../config/schema.ts'
import { modelDisplayName } from '../models/locate.ts'

/** The names of the embedding model; undefined: there is none. @throws ConfigError when both models would answer to one name. */
export function embeddingNamesOf(config: Config, names: readonly string[]): string[] | undefined {
  const { embeddingModel, embeddingModelName } = config
  if (embeddingModel === undefined) return undefined
  const own = servedNames(embeddingModelName, modelDisplayName(embeddingModel))
  const both = own.find((name) => names.includes(name))
  if (both !== undefined) {
    throw new ConfigError(
      `Both models would be called ${both}. Choose another name with --embedding-model-name`,
      1,
    )
  }
  return own
}

/** @throws ConfigError for a list that cannot be read, or a name that is a model's. */
export function checkAdapterNames({ loraModules }: Config, names: readonly string[]): void {
  const taken = parseLoraModules(loraModules).find(({ name }) => names.includes(name))
  if (taken !== undefined) throw new ConfigError(`--lora-modules: a model is called ${taken.name} already.`)
}
