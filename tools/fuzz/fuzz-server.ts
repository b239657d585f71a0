import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeEmbeddingModel } from '../../test/support/embedding-model.ts'
import { writeLoraAdapter } from '../../test/support/lora-adapter.ts'
import { startServer, type TestServer } from '../../test/support/server.ts'

/** A server with all that the samples of the API's description ask for: two models, and adapters to load. */
export async function startFuzzServer(flags: readonly string[]): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'altiplano-fuzz-'))
  await writeLoraAdapter(join(folder, 'poems.gguf'), 1)
  const vectors = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(vectors)
  const models = ['--lora-dir', folder, '--embedding-model', vectors, '--embedding-model-name', 'vectors']
  const name = ['--served-model-name', 'demo', '--context-size', '384']
  const server = await startServer([...name, ...models, ...flags])
  const stop = async (): Promise<number | null> => {
    const code = await server.stop()
    await rm(folder, { recursive: true, force: true })
    return code
  }
  return { ...server, stop }
}
