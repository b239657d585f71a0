import type { FastifyInstance } from 'fastify'
import { numberSlices, sendSlices } from '../../http/long-answer.ts'
import { watchClient } from '../../http/sse.ts'
import type { TextTurn } from '../../protocol/text-messages.ts'
import { fieldsWithoutEffect } from '../chat/common-fields.ts'
import { chatTokens } from '../chat/count-chat.ts'
import { sendIgnored } from '../chat/ignored-header.ts'
import { checkListed, MAX_LISTED_TOKENS, tokensOnly } from '../chat/tokens-only.ts'
import { readDeclared } from '../contract/field.ts'
import { Fields } from '../contract/fields.ts'
import { readModel } from '../model-names.ts'
import { chatBody, chatOf } from '../openai/chat-completions.ts'
import { completionBody, completionOf } from '../openai/completion-request.ts'
import { estimateCompletion, tokensOf } from '../openai/completions.ts'
import type { Prompt } from '../openai/prompts.ts'
import type { Serving } from '../serving.ts'

/**
 * POST /chat/completions/render and /completions/render: the token ids that the engine would receive for the same body, without
 * a generation. These are vLLM's render endpoints, which llm-d's token producer calls to find the server that has a prefix cached.
 */
export function render(app: FastifyInstance, serving: Serving): void {
  app.post('/chat/completions/render', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const chat = chatOf(readDeclared(fields, chatBody), serving, ready, request.tenant)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { tokens, count } = await chatTokens(chat, serving, watchClient(reply).signal)
    checkListed(count, 'messages')
    return sendSlices(reply, renderedSlices(tokens), count)
  })

  app.post('/completions/render', async (request, reply) => {
    const fields = Fields.ofBody(request)
    readModel(fields, serving, request.tenant)
    const ready = await serving.model()
    const wanted = completionOf(readDeclared(fields, completionBody), serving, ready, request.tenant)
    sendIgnored(reply, serving, fieldsWithoutEffect(fields, serving.strictParams))
    const { prompts, suffix, share } = wanted
    const { signal } = watchClient(reply)
    const estimate = await estimateCompletion(wanted, serving)
    const { lists, count } = await tokensOnly(
      { share, signal, estimate, most: MAX_LISTED_TOKENS },
      serving,
      (turn) => renderAll(prompts, suffix, serving, turn),
    )
    return sendSlices(reply, listSlices(lists), count)
  })
}

async function renderAll(
  prompts: readonly Prompt[],
  suffix: string | undefined,
  serving: Serving,
  turn: TextTurn,
): Promise<{ lists: Uint32Array[]; count: number }> {
  const lists: Uint32Array[] = []
  let count = 0
  for (const prompt of prompts) {
    const rendered = await tokensOf(prompt, suffix, serving, turn)
    count += rendered.count
    checkListed(count, 'prompt')
    lists.push(rendered.tokens)
  }
  return { lists, count }
}

function* renderedSlices(tokens: Uint32Array): Generator<string> {
  yield '{"token_ids":'
  yield* numberSlices(tokens)
  yield '}'
}

function* listSlices(lists: readonly Uint32Array[]): Generator<string> {
  for (const [index, tokens] of lists.entries()) {
    yield index === 0 ? '[' : ','
    yield* renderedSlices(tokens)
  }
  yield ']'
}
