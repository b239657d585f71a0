import { openEmbedder } from '../engine/llama-embedder.ts'
import { serveChild } from './child-channel.ts'
import type {
  EmbeddingAnswer,
  EmbeddingCall,
  EmbeddingInit,
  EmbeddingReady,
  EmbeddingRequest,
  EmbeddingResponse,
} from './protocol.ts'

serveChild<EmbeddingInit, EmbeddingRequest, EmbeddingReady, EmbeddingResponse>(async (init, channel) => {
  const embedder = await openEmbedder(init)
  const answer = async (call: EmbeddingCall): Promise<EmbeddingAnswer> =>
    call.type === 'prepare'
      ? { type: 'tokens', tokens: embedder.prepare(call.input) }
      : { type: 'vector', vector: await embedder.embed(call.tokens) }
  let left = 0
  let last: Promise<void> = Promise.resolve()
  return {
    ready: embedder.ready,
    onMessage: ({ call, body }) => {
      channel.busy(++left > 0)
      // One after the other: no call may touch the context while it decodes.
      last = last.then(async () => {
        const result = await answer(body).catch(
          (error: unknown): EmbeddingAnswer => ({
            type: 'error',
            message: error instanceof Error ? error.message : String(error),
          }),
        )
        channel.send({ call, body: result })
        channel.progress()
        channel.busy(--left > 0)
      })
    },
    close: () => embedder.close(),
  }
})
