import type { FastifyInstance } from 'fastify'
import { version } from '../../base/version.ts'
import { allowedModels, checkGenerating } from '../model-names.ts'
import type { Serving } from '../serving.ts'

/**
 * GET /version, /load and /tokenizer_info (vLLM), /props and /slots (llama-server): facts about this server and its load. They hold
 * no text of any request.
 */
export function serverInfo(app: FastifyInstance, serving: Serving): void {
  app.get('/version', async () => ({ version }))

  // Requests that the engine works on; vLLM's orchestrators balance by it.
  app.get('/load', async () => ({ server_load: serving.running().length }))

  app.get('/tokenizer_info', async ({ tenant }) => {
    checkGenerating(serving, tenant)
    const { info, contextSize } = await serving.model()
    const { bos, eos, pad, unknown, addsBos } = info.specialTokens
    return {
      tokenizer_class: TOKENIZER_CLASS,
      bos_token: bos ?? null,
      eos_token: eos ?? null,
      pad_token: pad ?? null,
      unk_token: unknown ?? null,
      add_bos_token: addsBos,
      model_max_length: contextSize,
      chat_template: info.chatTemplate,
    }
  })

  app.get('/props', async ({ tenant }) => {
    checkGenerating(serving, tenant)
    const { info, contextSize } = await serving.model()
    const [name = null] = allowedModels(serving.names, tenant)
    return {
      model_alias: name,
      total_slots: serving.slots(),
      default_generation_settings: { n_ctx: contextSize, params: defaultParams(info.sampling) },
      // Never the file: its name is the operator's.
      model_path: name,
      chat_template: info.chatTemplate,
      bos_token: info.specialTokens.bos ?? '',
      eos_token: info.specialTokens.eos ?? '',
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

/** Hugging Face: class of a tokenizer that is described by its vocabulary alone, whatever its kind. */
const TOKENIZER_CLASS = 'PreTrainedTokenizerFast'

function defaultParams({ temperature, topP, topK, minP }: Sampling): object {
  return { temperature: temperature ?? 1, top_p: topP ?? 1, top_k: topK ?? 0, min_p: minP ?? 0 }
}

type Sampling = Awaited<ReturnType<Serving['model']>>['info']['sampling']
