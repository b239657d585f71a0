import { openEmbedder } from '../engine/llama/embedder.ts'
import { openRanker } from '../engine/llama/ranker.ts'
import { serveChild } from '../process/child-channel.ts'
import type {
  EmbeddingAnswer,
  EmbeddingCall,
  EmbeddingInit,
  EmbeddingReady,
  EmbeddingRequest,
  EmbeddingResponse,
} from '../protocol/embedding-messages.ts'

interface Opened {
  readonly ready: EmbeddingReady
  answer(call: EmbeddingCall): Promise<EmbeddingAnswer>
  close(): Promise<void>
}

async function open(init: EmbeddingInit): Promise<Opened> {
  if (init.ranks) {
    const ranker = await openRanker(init)
    return {
      ready: ranker.ready,
      answer: async (call) => {
        if (call.type === 'pair') return { type: 'tokens', tokens: ranker.pair(call.query, call.document) }
        if (call.type === 'rank') return { type: 'score', score: await ranker.rank(call.pair) }
        throw new Error('this model makes no embeddings')
      },
      close: () => ranker.close(),
    }
  }
  const embedder = await openEmbedder(init)
  return {
    ready: embedder.ready,
    answer: async (call) => {
      if (call.type === 'prepare') return { type: 'tokens', tokens: embedder.prepare(call.input) }
      if (call.type === 'embed') return { type: 'vector', vector: await embedder.embed(call.tokens) }
      throw new Error('this model ranks nothing')
    },
    close: () => embedder.close(),
  }
}

serveChild<EmbeddingInit, EmbeddingRequest, EmbeddingReady, EmbeddingResponse>(async (init, channel) => {
  const { ready, answer, close } = await open(init)
  let left = 0
  let last: Promise<void> = Promise.resolve()
  return {
    ready,
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
    close,
  }
})
