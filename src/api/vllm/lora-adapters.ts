import type { FastifyInstance } from 'fastify'
import { ServingError } from '../../base/errors.ts'
import type { Tenant } from '../../http/access/api-keys.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { Fields, invalidValue } from '../fields.ts'
import { modelNotFound } from '../model-names.ts'
import type { Serving } from '../serving.ts'

/** POST /load_lora_adapter and /unload_lora_adapter. vLLM: adapters that come and go while the server runs. */
export function loraAdapters(app: FastifyInstance, serving: Serving): void {
  app.post('/load_lora_adapter', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const name = readName(fields)
    fields.needed('lora_path')
    const path = fields.string('lora_path', 4096) ?? ''
    const again = fields.boolean('load_inplace') ?? false
    sendIgnored(
      reply,
      serving,
      fieldsWithoutEffect(fields, ['base_model_name', 'is_3d_lora_weight'], serving.strictParams),
    )
    const { adapters } = allowed(serving, request.tenant)
    if (serving.names.includes(name) || (adapters.find(name) !== undefined && !again))
      throw invalidValue('lora_name', 'there is a model of this name already.')
    await adapters.load(name, path)
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' added successfully.`)
  })

  app.post('/unload_lora_adapter', async (request, reply) => {
    const fields = Fields.ofBody(request)
    const name = readName(fields)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, ['lora_int_id'], serving.strictParams))
    if (!allowed(serving, request.tenant).adapters.unload(name)) throw modelNotFound(name)
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' removed successfully.`)
  })
}

function readName(fields: Fields): string {
  fields.needed('lora_name')
  const name = fields.string('lora_name', 256) ?? ''
  if (!/^[\w./:-]+$/.test(name))
    throw invalidValue('lora_name', "a name has letters, digits and '.', '_', '/', ':' or '-'.")
  return name
}

/** Where keys are asked for, it takes one of an administrator. */
function allowed(serving: Serving, tenant: Tenant | undefined): Serving {
  if (tenant?.admin === false)
    throw new ServingError('not_permitted', 'This key may not change adapters: it needs admin: true.')
  if (serving.adapters.changeable) return serving
  throw new ServingError(
    'unsupported_parameter',
    'Adapters cannot be changed while this server runs: it was started without --lora-dir.',
  )
}
