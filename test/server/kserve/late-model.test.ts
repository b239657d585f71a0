import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { startServer, type TestServer, untilReady } from '../../support/server.ts'

const builtIn = fileURLToPath(new URL('../../../models/altiplano-demo.gguf', import.meta.url))
let folder: string
let server: TestServer | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  rmSync(folder, { recursive: true })
})

async function reason({ url }: TestServer): Promise<string> {
  const answer = await fetch(`${url}/health/ready`)
  expect(answer.status).toBe(503)
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
  return ((await answer.json()) as { reason: string }).reason
}

it('the server waits for a model link that appears late, and for a file that is not complete', async () => {
  const models = join(folder, 'models')
  server = await startServer(
    ['--model', models, '--model_name', 'late', '--wait-for-model', '60'],
    'listening',
  )
  await vi.waitFor(async () =>
    expect(await reason(server as TestServer)).toContain('no such file or directory'),
  )
  const image = join(folder, 'image')
  mkdirSync(image)
  symlinkSync(image, models)
  await vi.waitFor(async () => expect(await reason(server as TestServer)).toContain('holds no .gguf file'))
  const whole = readFileSync(builtIn)
  writeFileSync(join(image, 'model.gguf'), whole.subarray(0, 2_000_000))
  await vi.waitFor(async () =>
    expect(await reason(server as TestServer)).toMatch(/waiting for the model: .*model.gguf/),
  )
  writeFileSync(join(image, 'model.gguf'), whole)
  await untilReady(server.url)
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] }
  expect(data[0]?.id).toBe('late')
})

it('the server waits as long as KServe says for a model that comes from an image', async () => {
  vi.stubEnv('MODEL_INIT_MODE', 'async')
  const model = join(folder, 'model.gguf')
  server = await startServer(['--model', model], 'listening').finally(() => vi.unstubAllEnvs())
  expect(await reason(server)).toContain('model.gguf: no such file or directory')
  copyFileSync(builtIn, model)
  await untilReady(server.url)
})

it('the server exits after the wait, with the reason in the termination message of Kubernetes', async () => {
  const message = join(folder, 'termination-log')
  writeFileSync(message, '')
  vi.stubEnv('TERMINATION_LOG', message)
  server = await startServer(['--model', join(folder, 'none'), '--wait-for-model', '1'], 'listening').finally(
    () => vi.unstubAllEnvs(),
  )
  const [code] = (await once(server.process, 'exit')) as [number]
  expect([code, readFileSync(message, 'utf8')]).toEqual([
    1,
    expect.stringMatching(/none: no such file or directory/),
  ])
})

it('a model that cannot be read ends the server with a reason that KServe shows', async () => {
  const message = join(folder, 'termination-log')
  const model = join(folder, 'model.gguf')
  writeFileSync(message, '')
  writeFileSync(model, readFileSync(builtIn).subarray(0, 2_000_000))
  vi.stubEnv('TERMINATION_LOG', message)
  server = await startServer(['--model', model], 'listening').finally(() => vi.unstubAllEnvs())
  if (server.process.exitCode === null) await once(server.process, 'exit')
  expect([server.process.exitCode, readFileSync(message, 'utf8')]).toEqual([
    1,
    expect.stringMatching(/model.gguf/),
  ])
})

it.each([
  ['a model that is not there', ['--model', '/none.gguf'], /none.gguf: no such file/],
  ['a flag that is not known', ['--slotz', '3'], /Unknown flag --slotz. Did you mean --slots/],
])('the termination message has the reason of the exit: %s', async (_what, flags, expected) => {
  const message = join(folder, 'termination-log')
  writeFileSync(message, '')
  vi.stubEnv('TERMINATION_LOG', message)
  await expect(startServer(flags).finally(() => vi.unstubAllEnvs())).rejects.toThrow(expected)
  expect(readFileSync(message, 'utf8')).toMatch(expected)
})
