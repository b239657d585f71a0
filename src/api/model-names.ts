import type { FastifyRequest } from 'fastify'
import { quoted, ServingError } from '../base/errors.ts'
import type { Tenant } from '../http/access/api-keys.ts'
import { missing } from './contract/failures.ts'
import type { Fields } from './contract/fields.ts'
import { string } from './contract/kinds.ts'
import type { Serving } from './serving.ts'

/** The name of a model. One model generates, so that it may be left out, as llama-server's clients do. */
export const modelField = string(1024)

/** The name that a request gives. An empty one is none. */
export function givenModel(fields: Fields): string | undefined {
  return fields.string('model', 1024) || undefined
}

/**
 * The model that generates text: the one that a request names, or the only one.
 * @throws ServingError model_not_found, wrong_model_kind.
 */
export function readModel(
  fields: Fields,
  { names, embedding, adapters }: Serving,
  tenant: Tenant | undefined,
): string {
  const model = givenModel(fields)
  if (model === undefined) return onlyModel(names, tenant)
  if (names.includes(model) || adapters.find(model) !== undefined) return model
  if (embedding?.names.includes(model)) {
    throw new ServingError('wrong_model_kind', 'This model makes embeddings; it does not generate text.', {
      param: 'model',
    })
  }
  throw modelNotFound(model)
}

/** OpenAI: one error for a model that does not exist and for one that the tenant may not use. @param name as in the request. */
export function modelNotFound(name?: string): ServingError {
  const shown = name === undefined ? '' : ` \`${quoted(name).slice(1, -1)}\``
  return new ServingError(
    'model_not_found',
    `The model${shown} does not exist or you do not have access to it.`,
    { param: 'model' },
  )
}

/** Names of models that a tenant may use; without a tenant, all of them. */
export function allowedModels<T extends string>(
  names: readonly T[],
  tenant: Tenant | undefined,
): readonly T[] {
  const { models } = tenant ?? {}
  return models === undefined ? names : names.filter((name) => models.includes(name))
}

/** A model that need not be named, by the first of its names that whoever asks may know of. @throws ServingError missing_required_parameter. */
export function onlyModel(names: readonly string[], tenant: Tenant | undefined): string {
  const [name] = allowedModels(names, tenant)
  if (name === undefined) throw missing('model')
  return name
}

/** Wherever a request names a model: in its body, and in its path. @throws ServingError model_not_found. */
export function checkModels({ tenant, body, params }: FastifyRequest): void {
  if (tenant?.models === undefined) return
  const inBody = (body as { model?: unknown } | null | undefined)?.model
  // KServe: an action follows the model's name in the path.
  const inPath = (params as { '*'?: string })['*']?.replace(/(\/ready|\/infer|:predict)$/, '')
  for (const name of [inBody, inPath]) {
    if (typeof name === 'string' && name !== '' && !tenant.models.includes(name)) throw modelNotFound(name)
  }
}

/** Checks that the tenant may use the generating model, for requests that name none. @throws ServingError model_not_found. */
export function checkGenerating({ names, adapters }: Serving, tenant: Tenant | undefined): void {
  if (tenant?.models === undefined || allowedModels([...names, ...adapters.names], tenant).length > 0) return
  throw modelNotFound()
}
