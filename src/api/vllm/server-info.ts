import type { FastifyInstance } from 'fastify'
import { version } from '../../base/version.ts'
import { allowedModels, checkGenerating } from '../model-names.ts'
import type { Serving } from '../serving.ts'

/** GET /version (vLLM), /props and /slots (llama-server): facts about this server and its load. They hold no text of any request. */
export function serverInfo(app: FastifyInstance, serving: Serving): void {
  app.get('/version', async () => ({ version }))

  app.get('/props', async ({ tenant }) => {
    checkGenerating(serving, tenant)
    const { info, contextSize } = await serving.model()
    return {
      model_alias: allowedModels(serving.names, tenant)[0] ?? null,
      total_slots: serving.slots(),
      default_generation_settings: { n_ctx: contextSize, params: defaultParams(info.sampling) },
      chat_template: info.chatTemplate,
      modalities: { vision: false, audio: false },
      build_info: `altiplano ${version}`,
    }
  })

  app.get('/slots', async (request) => {
    checkGenerating(serving, request.tenant)
    const { contextSize } = await serving.model()
    const running = serving.running()
    return Array.from({ length: serving.slots() }, (_, id) => {
      const one = running[id]
      const mine = one !== undefined && one.tenant === (request.tenant?.name ?? '')
      return {
        // Running requests are numbered in order of arrival: the slot of a request in the engine changes while it runs.
        id,
        n_ctx: contextSize,
        is_processing: one !== undefined,
        ...(mine ? { n_prompt_tokens: one.promptTokens, n_decoded: one.generated } : {}),
      }
    })
  })
}

function defaultParams({ temperature, topP, topK, minP }: Sampling): object {
  return { temperature: temperature ?? 1, top_p: topP ?? 1, top_k: topK ?? 0, min_p: minP ?? 0 }
}

type Sampling = Awaited<ReturnType<Serving['model']>>['info']['sampling']
