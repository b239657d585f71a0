import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { invalidValue } from '../contract/failures.ts'
import { ignored, required } from '../contract/fates.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { flag, string } from '../contract/kinds.ts'
import { modelNotFound } from '../model-names.ts'
import type { Serving } from '../serving.ts'

const adapterName = required(string(256))

export const loadAdapterBody = {
  lora_name: adapterName,
  lora_path: required(string(4096)),
  load_inplace: flag,
  base_model_name: ignored(),
  is_3d_lora_weight: ignored(),
}

export const unloadAdapterBody = { lora_name: adapterName, lora_int_id: ignored() }

/** POST /load_lora_adapter and /unload_lora_adapter. vLLM: loads and unloads LoRA adapters while the server runs. */
export function loraAdapters(app: FastifyInstance, serving: Serving): void {
  app.post('/load_lora_adapter', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const body = readDeclared(fields, loadAdapterBody)
    const name = checkedName(body.lora_name)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { adapters } = allowed(serving, request.tenant)
    if (serving.names.includes(name) || (adapters.find(name) !== undefined && body.load_inplace !== true))
      throw invalidValue('lora_name', 'there is a model of this name already.')
    await adapters.load(name, body.lora_path)
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' added successfully.`)
  })

  app.post('/unload_lora_adapter', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const name = checkedName(readDeclared(fields, unloadAdapterBody).lora_name)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    if (!allowed(serving, request.tenant).adapters.unload(name)) throw modelNotFound(name)
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' removed successfully.`)
  })
}

function checkedName(name: string): string {
  if (!/^[\w./:-]+$/.test(name))
    throw invalidValue('lora_name', "a name has letters, digits and '.', '_', '/', ':' or '-'.")
  return name
}

/** Checks that the client may change adapters: where API keys are configured, with an administrator's key. @throws ServingError. */
function allowed(serving: Serving, tenant: Tenant | undefined): Serving {
  if (tenant?.admin === false)
    throw new ServingError('not_permitted', 'This key may not change adapters: it needs admin: true.')
  if (serving.adapters.changeable) return serving
  throw new ServingError(
    'unsupported_parameter',
    'Adapters cannot be changed while this server runs: it was started without --lora-dir.',
  )
}
