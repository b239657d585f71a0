import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { onFieldRead } from '../../src/api/field-reads.ts'
import { serve } from '../../src/commands/serve.ts'
import { loadConfig } from '../../src/config/load.ts'
import { writeEmbeddingModel } from '../../test/support/embedding-model.ts'
import { writeLoraAdapter } from '../../test/support/lora-adapter.ts'
import { type FieldTree, place } from './field-tree.ts'
import type { Sample } from './sample.ts'
import { samples } from './samples.ts'

/** What the real server did with the samples of one route. */
export interface RecordedRoute {
  readonly method: Sample['method']
  readonly route: string
  /** What it reads of a body; absent for a route that takes none. */
  readonly body: FieldTree | undefined
  /** Fields that it takes and names in x-ignored-params. */
  readonly ignored: Set<string>
  /** Why it takes no value of a field. */
  readonly refused: Map<string, string>
}

/** Runs the server with the built-in model, sends it the samples, and listens to what it reads of them. */
export async function recordRoutes(): Promise<RecordedRoute[]> {
  const flags = ['--port', '0', '--threads', '1', '--gpu-layers', '0', '--served-model-name', 'demo']
  const folder = await mkdtemp(join(tmpdir(), 'altiplano-api-'))
  await writeLoraAdapter(join(folder, 'poems.gguf'), 1)
  const vectors = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(vectors)
  const models = ['--lora-dir', folder, '--embedding-model', vectors, '--embedding-model-name', 'vectors']
  const { url, stop } = await startHere([...flags, ...models])
  const routes = new Map<string, RecordedRoute>()
  try {
    for (const sample of samples) await record(url, sample, routeOf(routes, sample))
  } finally {
    await stop()
    await rm(folder, { recursive: true })
  }
  return [...routes.values()]
}

/** In this process, where it can be listened to. */
async function startHere(flags: readonly string[]): Promise<{ url: string; stop: () => Promise<void> }> {
  const { config } = loadConfig(['serve', ...flags, '--log-level', 'info'], {})
  let ended: Promise<number> | undefined
  const url = await new Promise<string>((resolve, reject) => {
    const write = (line: string): void => {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string }
      if (msg === 'listening' && address !== undefined) resolve(address)
    }
    ended = serve(config, pino({ level: 'info' }, { write }))
    ended.catch(reject)
  })
  while (!(await fetch(`${url}/health/ready`)).ok) await pause(20)
  const stop = async (): Promise<void> => {
    process.emit('SIGTERM')
    await ended
  }
  return { url, stop }
}

function routeOf(routes: Map<string, RecordedRoute>, { method, route, body }: Sample): RecordedRoute {
  const key = `${method} ${route}`
  const found = routes.get(key) ?? {
    method,
    route,
    body: body && { type: 'object' },
    ignored: new Set<string>(),
    refused: new Map<string, string>(),
  }
  routes.set(key, found)
  return found
}

async function record(url: string, sample: Sample, recorded: RecordedRoute): Promise<void> {
  const stop = onFieldRead((read) => {
    if (read.refused !== undefined) recorded.refused.set(read.path, read.refused)
    else if (read.ignored) recorded.ignored.add(read.path)
    else if (recorded.body !== undefined) place(recorded.body, read)
  })
  const answer = await send(url, sample)
  stop()
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${sample.method} ${sample.route} answered ${answer.status}: ${text}`)
  await recordRequired(url, sample, recorded)
}

/** A field is required when the server says so without it. */
async function recordRequired(url: string, sample: Sample, { body }: RecordedRoute): Promise<void> {
  for (const name of Object.keys(sample.body ?? {})) {
    const answer = await send(url, { ...sample, body: { ...sample.body, [name]: undefined } })
    const { error } = (await answer.json().catch(() => ({}))) as { error?: { message?: string } }
    // In the message, as errors of the Messages API have neither code nor param.
    if (error?.message !== `Missing required parameter: '${name}'.` || body === undefined) continue
    if (body.required?.includes(name) !== true) body.required = [...(body.required ?? []), name]
  }
}

function send(base: string, { method, route, url = route, body }: Sample): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${base}${url}`, { method, ...(body && { headers, body: JSON.stringify(body) }) })
}
