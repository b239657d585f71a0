import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { probeGpu } from '../../src/machine/gpu-probe.ts'
import { childEnvironment } from '../../src/process/child-environment.ts'
import { writeEmbeddingModel } from '../support/embedding-model.ts'
import { children } from '../support/processes.ts'
import { startServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secrets = [
  'HF_TOKEN',
  'HUGGING_FACE_HUB_TOKEN',
  'OPENAI_API_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'DATABASE_URL',
  'ALTIPLANO_API_KEYS_OF_OTHERS',
  'KUBERNETES_SERVICE_HOST',
  // As the variables of drivers are called.
  'NVIDIA_API_KEY',
  'LLAMA_API_KEY',
  'LLAMA_ARG_HF_TOKEN',
  'CUDA_REPO_PASSWORD',
  'XDG_SESSION_COOKIE',
]
const needed = [
  'LC_ALL',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_MPS_PIPE_DIRECTORY',
  'NVIDIA_DRIVER_CAPABILITIES',
  'ROCR_VISIBLE_DEVICES',
  'HSA_OVERRIDE_GFX_VERSION',
  'GGML_VK_VISIBLE_DEVICES',
  'GGML_CUDA_ENABLE_UNIFIED_MEMORY',
  'ALTIPLANO_LLAMA_SOMETHING',
  'NODE_LLAMA_CPP_SKIP_DOWNLOAD',
  'ONEAPI_DEVICE_SELECTOR',
  'OMP_WAIT_POLICY',
  'MALLOC_ARENA_MAX',
  'XDG_RUNTIME_DIR',
]
/** Of those that are read. */
const values: Record<string, string> = { LC_ALL: 'C', NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' }
beforeEach(() => {
  for (const name of [...secrets, ...needed]) vi.stubEnv(name, values[name] ?? `value of ${name}`)
})
afterEach(() => vi.unstubAllEnvs())

function expectOnlyNeeded(names: readonly string[]): void {
  expect(names).toEqual(expect.arrayContaining(['PATH', ...needed]))
  expect(names.filter((name) => secrets.includes(name) || name === 'NODE_OPTIONS')).toEqual([])
}

it('the environment of a child has what it needs, and no secrets', () => {
  expectOnlyNeeded(Object.keys(childEnvironment(process.env)))
})

it('the environment of a child has a home, and finds variables of Windows in any case', () => {
  expect(childEnvironment({})).toEqual({ HOME: tmpdir() })
  const windows = { Path: 'a', SystemRoot: 'b', 'ProgramFiles(x86)': 'c', HOME: 'd' }
  expect(childEnvironment({ ...windows, Secret: 'e', Nothing: undefined })).toEqual(windows)
})

it.runIf(process.platform === 'linux')("a server's children have only the variables they need", async () => {
  const vectors = join(folder, 'vectors.gguf')
  await writeEmbeddingModel(vectors)
  const server = await startServer(['--embedding-model', vectors, '--embedding-model-name', 'vectors'])
  try {
    const all = children(server.process.pid ?? 0)
    expect([...all.keys()].sort()).toEqual(['embedding', 'engine', 'text'])
    for (const pid of all.values()) {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      expectOnlyNeeded(variables.map((one) => one.split('=', 1)[0] ?? ''))
    }
  } finally {
    await server.stop()
  }
})

it('the probe of a GPU has only the variables it needs', async () => {
  const entry = join(folder, 'probe.mjs')
  writeFileSync(entry, 'process.send(Object.keys(process.env), undefined, undefined, () => process.exit(0))')
  const probe = await probeGpu(pathToFileURL(entry), true)
  expectOnlyNeeded(probe?.gpu as unknown as string[])
})
