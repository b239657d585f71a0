import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { badBodies, badFields, type FieldRow, hugeText } from '../support/bad-requests.ts'
import { declaredFields } from '../support/body-schema.ts'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { postJson } from '../support/http.ts'
import { metric } from '../support/metrics.ts'
import { startServer, type TestServer } from '../support/server.ts'

const MAX_BYTES = 1_048_576
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
let server: TestServer
let strict: TestServer

beforeAll(async () => {
  const path = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(path)
  const embeddings = ['--embedding-model', path, '--embedding-model-name', 'vectors']
  const flags = ['--served-model-name', 'chat', ...embeddings, '--max-body-bytes', String(MAX_BYTES)]
  server = await startServer([...flags, '--context-size', '1024'])
  strict = await startServer([...flags, '--strict-params'])
})
afterAll(async () => {
  await server.stop()
  await strict.stop()
  rmSync(folder, { recursive: true })
})

interface Route {
  /** As the description has it. */
  readonly route: string
  readonly path: string
  /** A body that is answered 200. */
  readonly good: Readonly<Record<string, unknown>>
  /** Its body with a prompt of so much text. */
  readonly saying?: (text: string) => object
  /** Only reads and counts: nothing is compiled, and nothing has to fit. */
  readonly counts?: true
}

const messages = (content: string): object => ({ messages: [{ role: 'user', content }] })
const chat = { model: 'chat', ...messages('Hi'), max_tokens: 2 }
const completion = { model: 'chat', prompt: 'Hi', max_tokens: 2 }
const response = { model: 'chat', input: 'Hi', max_output_tokens: 2 }
const ollama = { model: 'chat', ...messages('Hi'), options: { num_predict: 2 } }
const at = (path: string, good: object, saying?: Route['saying'], route = path): Route => ({
  route,
  path,
  good: good as Route['good'],
  ...(saying && { saying }),
})
const counting = (path: string, good: object): Route => ({ ...at(path, good), counts: true })
const prompt = (text: string): object => ({ prompt: text })
const input = (text: string): object => ({ input: text })
const routes: Route[] = [
  at('/v1/chat/completions', chat, messages),
  at('/v1/completions', completion, prompt),
  at('/v1/responses', response, input),
  counting('/v1/responses/input_tokens', response),
  at('/v1/messages', chat, messages),
  counting('/v1/messages/count_tokens', chat),
  counting('/v1/chat/completions/render', chat),
  counting('/v1/completions/render', completion),
  counting('/tokenize', chat),
  counting('/detokenize', { model: 'chat', tokens: [40, 41] }),
  at('/v1/embeddings', { model: 'vectors', input: 'Hi' }, input),
  at('/api/chat', ollama, messages),
  at('/api/generate', { model: 'chat', prompt: 'Hi', options: { num_predict: 2 } }, prompt),
  at('/api/embed', { model: 'vectors', input: 'Hi' }, input),
  at('/v1/score', { model: 'vectors', text_1: 'Hi', text_2: 'you' }),
  counting('/apply-template', chat),
  at('/completion', { prompt: 'Hi', n_predict: 2 }, prompt),
  at('/v1/models/chat:predict', completion, prompt, '/v1/models/{model}:predict'),
  at('/v2/models/chat/infer', chat, messages, '/v2/models/{model}/infer'),
]

const fieldsOf = ({ route, good }: Route): string[] => [
  ...Object.keys(good),
  ...Object.keys(declaredFields(route, good)),
]

/** What is wrong with an answer to a bad request; undefined: it is a clear error in the shape of its protocol. */
async function complaint(
  answer: Response,
  { path }: Route,
  row: Omit<FieldRow, 'value'>,
): Promise<string | undefined> {
  const text = await answer.text()
  const body = JSON.parse(text) as Record<string, unknown>
  const error = body['error'] as Record<string, unknown> | string | undefined
  const message = typeof error === 'object' && error !== null ? String(error['message']) : String(error)
  if (answer.status !== (row.status ?? 400)) return `${answer.status} ${text.slice(0, 200)}`
  if (message.length > 1024 || /\/src\/|\bat .*\.ts/.test(message)) return `says too much: ${message}`
  if (row.field !== undefined && !message.includes(row.field)) return `does not name ${row.field}: ${message}`
  if (answer.headers.get('x-request-id') === null) return 'has no x-request-id'
  if (path.startsWith('/api/')) return typeof error === 'string' ? undefined : `has the shape ${text}`
  const shape = Object.keys(typeof error === 'object' && error !== null ? error : {})
    .sort()
    .join()
  const expected = path.startsWith('/v1/messages')
    ? 'message,type'
    : path.startsWith('/v2') || path.includes(':predict')
      ? shape
      : 'code,message,param,type'
  return shape === expected ? undefined : `has the shape ${text.slice(0, 200)}`
}

describe.each(routes)('bad input at $path', (route) => {
  const { path, good, saying, counts } = route
  const send = (body: unknown, headers?: Record<string, string>): Promise<Response> =>
    postJson(server.url + path, body, headers)

  it(`a valid request to ${path} is answered with 200`, async () => {
    expect((await send(good)).status).toBe(200)
  })

  it(`${path} refuses malformed bodies`, async () => {
    const found: string[] = []
    for (const row of badBodies(MAX_BYTES)) {
      const said = await complaint(await send(row.body(), row.headers), route, row)
      if (said !== undefined) found.push(`${row.name}: ${said}`)
    }
    expect(found).toEqual([])
    expect((await send(good)).status).toBe(200)
  })

  it(`${path} refuses values that no field may have`, async () => {
    const found: string[] = []
    const fields = fieldsOf(route)
    const rows = badFields.filter(({ field }) => fields.includes(field ?? ''))
    expect(rows.length).toBeGreaterThan(1)
    for (const row of rows) {
      if ((counts && row.compiled) || row.except?.test(path)) continue
      const body = JSON.stringify({ ...good, [row.field ?? '']: row.value }).replace('"-0"', '-0')
      const said = await complaint(await send(body), route, row)
      if (said !== undefined) found.push(`${row.name}: ${said}`)
    }
    expect(found).toEqual([])
    expect((await send(good)).status).toBe(200)
  })

  if (saying !== undefined)
    it(`${path} refuses an input that exceeds its limits, with counts`, async () => {
      const answer = await send({ ...good, ...saying(hugeText) })
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(/\d+/)])
    })

  it(`${path} refuses an unknown field where parameters are strict`, async () => {
    const answer = await postJson(strict.url + path, { ...good, invented: 1 })
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('invented')])
    expect((await postJson(strict.url + path, good)).status).toBe(200)
  })

  it(`${path} accepts no other method`, async () => {
    const answer = await fetch(server.url + path, { method: 'PUT', body: '{}' })
    expect([404, 405]).toContain(answer.status)
    expect(await answer.json()).toHaveProperty('error')
  })
})

it('no child process restarts because of bad input', async () => {
  expect(await metric(server.url, 'altiplano_child_restarts_total')).toBe(0)
})
