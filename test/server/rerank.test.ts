import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeBertModel, writeEmbeddingModel } from '../support/embedding-model.ts'
import { startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const ranker = join(folder, 'ranker.gguf')
const embedder = join(folder, 'embedder.gguf')
/** A server with a reranking model alone, and one with an embedding model beside the built-in one. */
let alone: TestServer
let beside: TestServer

beforeAll(async () => {
  await writeBertModel(ranker, { ranks: true })
  await writeEmbeddingModel(embedder)
  alone = await startServer(['--model', ranker, '--model-name', 'judge'])
  beside = await startServer([
    '--model-name',
    'chat',
    '--embedding-model',
    embedder,
    '--embedding-model-name',
    'vectors',
  ])
})
afterAll(async () => {
  await alone.stop()
  await beside.stop()
  rmSync(folder, { recursive: true })
})

interface Ranking {
  readonly model: string
  readonly results: readonly { index: number; relevance_score: number; document?: { text: string } }[]
  readonly usage: { readonly total_tokens: number }
}

const post = (server: TestServer, path: string, body: object): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
async function rank(server: TestServer, body: object, path = '/v1/rerank'): Promise<Ranking> {
  const answer = await post(server, path, body)
  if (answer.status !== 200) throw Object.assign(new Error(await answer.text()), { status: answer.status })
  return (await answer.json()) as Ranking
}

const query = 'hello cat'
const documents = ['the dog', 'the cat', 'world', 'cat cat hello world the dog', 'dogs']

describe('a reranking model', () => {
  it.each([undefined, null, ''])('a reranking model need not be named: %s', async (model) => {
    expect((await rank(alone, { query, documents, model })).model).toBe('judge')
  })

  it('a reranking model gives each document the score of its pair, best first', async () => {
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 })
    const model = await llama.loadModel({ modelPath: ranker })
    const context = await model.createRankingContext({ contextSize: 64, batchSize: 64, threads: 1 })
    const expected = await context.rankAll(query, documents)
    await context.dispose()
    await model.dispose()
    await llama.dispose()
    expect(new Set(expected).size).toBe(documents.length)
    const { results, model: name } = await rank(alone, { model: 'judge', query, documents })
    expect(name).toBe('judge')
    expect(results.map(({ index }) => index)).toEqual(
      [...expected.keys()].sort((a, b) => (expected[b] ?? 0) - (expected[a] ?? 0)),
    )
    for (const { index, relevance_score, document } of results) {
      expect(relevance_score).toBeCloseTo(expected[index] ?? Number.NaN, 4)
      expect(document?.text).toBe(documents[index])
    }
  })

  it.each(['/v1/rerank', '/rerank', '/openai/v1/rerank'])(
    'a rerank request with top_n returns the best few, without their texts, at %s',
    async (path) => {
      const objects = documents.map((text) => ({ text }))
      const all = await rank(alone, { model: 'judge', query, documents })
      const few = await rank(
        alone,
        { model: 'judge', query, documents: objects, top_n: 2, return_documents: false },
        path,
      )
      expect(few.results).toEqual(all.results.slice(0, 2).map(({ document: _, ...rest }) => rest))
      expect(few.usage).toEqual(all.usage)
    },
  )

  it('a reranking model may be the only model of a server, which refuses to generate', async () => {
    expect((await fetch(`${alone.url}/health/ready`)).status).toBe(200)
    const { data } = (await (await fetch(`${alone.url}/v1/models`)).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['judge'])
    const bodies = {
      '/v1/chat/completions': { messages: [{ role: 'user', content: 'Hi' }] },
      '/v1/completions': { prompt: 'Hi' },
      '/v1/responses': { input: 'Hi' },
      '/v1/embeddings': { input: 'Hi' },
      '/tokenize': { prompt: 'Hi' },
    }
    for (const [path, body] of Object.entries(bodies)) {
      const answer = await post(alone, path, { model: 'judge', ...body })
      expect([path, answer.status]).toEqual([path, 400])
      expect(await answer.json()).toMatchObject({ error: { code: 'wrong_model_kind' } })
    }
  })

  it.each([
    [{}, 'query'],
    [{ query: '' }, 'query'],
    [{ query }, 'documents'],
    [{ query, documents: [] }, 'documents'],
    [{ query, documents: 'x' }, 'documents'],
    [{ query, documents: ['a', 7] }, 'documents[1]'],
    [{ query, documents: [{ title: 'a' }] }, 'documents[0]'],
    [{ query, documents: [''] }, 'documents[0]'],
    [{ query, documents: ['hello '.repeat(100)] }, 'documents'],
    [{ query, documents, top_n: 0 }, 'top_n'],
  ])('the rerank endpoint refuses %j', async (body, param) => {
    const answer = await post(alone, '/v1/rerank', { model: 'judge', ...body })
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error: { param: string } }).error.param).toBe(param)
  })
})

describe('an embedding model', () => {
  it('an embedding model ranks documents by the cosine of their vectors', async () => {
    const texts = ['Hello!', 'What is the capital of France?', 'Two and two are four.']
    const { results } = await rank(beside, { model: 'vectors', query: 'Hello!', documents: texts })
    expect(results[0]).toMatchObject({ index: 0, document: { text: 'Hello!' } })
    expect(results[0]?.relevance_score).toBeCloseTo(1, 3)
    const answer = await post(beside, '/v1/embeddings', { model: 'vectors', input: ['Hello!', ...texts] })
    const { data } = (await answer.json()) as { data: { embedding: number[] }[] }
    const [asked = [], ...found] = data.map(({ embedding }) => embedding)
    for (const { index, relevance_score } of results) {
      const cosine = asked.reduce((sum, value, at) => sum + value * (found[index]?.[at] ?? 0), 0)
      expect(relevance_score).toBeCloseTo(cosine, 4)
    }
  })

  it.each([
    ['chat', 400, 'wrong_model_kind'],
    ['nobody', 404, 'model_not_found'],
  ])('the embedding model does not serve requests for %s', async (model, status, code) => {
    const answer = await post(beside, '/v1/rerank', { model, query, documents })
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
      status,
      code,
    ])
  })

  it('an embedding model may be the only model of a server', async () => {
    const only = await startServer(['--model', embedder, '--model-name', 'vectors'])
    const answer = await post(only, '/v1/embeddings', { model: 'vectors', input: 'Hello!' })
    expect(answer.status).toBe(200)
    expect((await post(only, '/v1/completions', { model: 'vectors', prompt: 'x' })).status).toBe(400)
    expect(await only.stop()).toBe(0)
  })

  it('an embedding model is the only listed model also while its server shuts down', async () => {
    const flags = ['--model', embedder, '--model-name', 'vectors', '--shutdown-delay', '5']
    const only = await startServer(flags)
    const stopped = only.stop()
    while ((await fetch(`${only.url}/health/ready`)).ok) await pause(5)
    const { data } = (await (await fetch(`${only.url}/v1/models`)).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['vectors'])
    const answer = await post(only, '/v1/completions', { model: 'vectors', prompt: 'x' })
    expect(await answer.json()).toMatchObject({ error: { code: 'wrong_model_kind' } })
    expect(await stopped).toBe(0)
  })
})
