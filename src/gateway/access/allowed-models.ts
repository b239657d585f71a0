import type { FastifyRequest } from 'fastify'
import { modelNotFound } from '../openai/common-fields.ts'
import type { Serving } from '../serving.ts'
import type { Tenant } from './api-keys.ts'

/** Those of the names that whoever asks may know of. */
export function allowedModels<T extends string>(
  names: readonly T[],
  tenant: Tenant | undefined,
): readonly T[] {
  const { models } = tenant ?? {}
  return models === undefined ? names : names.filter((name) => models.includes(name))
}

/** Wherever a request names a model: in its body, and in its path. @throws ServingError model_not_found. */
export function checkModels({ tenant, body, params }: FastifyRequest): void {
  if (tenant?.models === undefined) return
  const inBody = (body as { model?: unknown } | null | undefined)?.model
  // KServe: a model's path goes on with what is wanted of it.
  const inPath = (params as { '*'?: string })['*']?.replace(/(\/ready|\/infer|:predict)$/, '')
  for (const name of [inBody, inPath]) {
    if (typeof name === 'string' && !tenant.models.includes(name)) throw modelNotFound(name)
  }
}

/** Where a request asks for the model that generates without naming it. @throws ServingError model_not_found. */
export function checkGenerating({ names, adapters }: Serving, tenant: Tenant | undefined): void {
  if (tenant?.models === undefined || allowedModels([...names, ...adapters.names], tenant).length > 0) return
  throw modelNotFound()
}
