import type { FastifyInstance } from 'fastify'
import { renderChat } from '../chat.ts'
import { Fields } from '../fields.ts'
import { readChat } from '../openai/chat-completions.ts'
import { ignoredFields, readModel } from '../openai/common-fields.ts'
import { readCompletion } from '../openai/completion-request.ts'
import { tokensOf } from '../openai/completions.ts'
import { sendIgnored } from '../openai/ignored-header.ts'
import type { Serving } from '../serving.ts'
import { watchClient } from '../sse.ts'

/**
 * POST /chat/completions/render and /completions/render: the token ids that the engine would get of the same body, and
 * nothing is generated. vLLM's render endpoints, as llm-d's token producer calls them to find who has a prefix.
 */
export function render(app: FastifyInstance, serving: Serving): void {
  app.post('/chat/completions/render', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving)
    const ready = await serving.model()
    const chat = readChat(fields, serving, ready, request.tenant)
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    const { tokens } = await renderChat(chat, serving, watchClient(reply).signal)
    return { token_ids: [...tokens] }
  })

  app.post('/completions/render', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving)
    const { prompts, suffix } = readCompletion(fields, serving, await serving.model(), request.tenant)
    sendIgnored(reply, serving, ignoredFields(fields, serving.strictParams))
    const { signal } = watchClient(reply)
    const rendered: object[] = []
    for (const prompt of prompts)
      rendered.push({ token_ids: [...(await tokensOf(prompt, suffix, serving, signal))] })
    return rendered
  })
}
