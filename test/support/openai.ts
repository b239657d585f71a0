import OpenAI from 'openai'
import { postJson } from './http.ts'
import { startServer, type TestServer } from './server.ts'

/** A real server, OpenAI's client for it, and the name of its model. */
export interface OpenAiServer extends TestServer {
  readonly client: OpenAI
  readonly model: string
}

export async function startOpenAi(flags: readonly string[] = []): Promise<OpenAiServer> {
  const server = await startServer(flags)
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  return { ...server, client, model: (await client.models.list()).data[0]?.id ?? '' }
}

/** POST /v1/completions with any fields. @throws Error unless it is answered 200. */
export async function complete<T>({ url, model }: OpenAiServer, fields: object): Promise<T> {
  const response = await postJson(`${url}/v1/completions`, { model, ...fields })
  const body = await response.text()
  if (!response.ok) throw new Error(`${response.status}: ${body}`)
  return JSON.parse(body) as T
}
