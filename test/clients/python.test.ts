import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenAiServer, startOpenAi } from '../support/openai.ts'

const python = process.env['ALTIPLANO_TEST_PYTHON']
if (python === undefined) {
  console.warn(
    'Python clients: skipped, ALTIPLANO_TEST_PYTHON names no interpreter with test/clients/requirements.txt',
  )
}

describe.skipIf(python === undefined)('Python clients', () => {
  let server: OpenAiServer
  beforeAll(async () => {
    server = await startOpenAi()
  })
  afterAll(() => server.stop())

  it.each(['openai_python.py', 'litellm_client.py'])('all checks of %s pass', async (name) => {
    const script = fileURLToPath(new URL(name, import.meta.url))
    const env = { ...process.env, BASE_URL: `${server.url}/v1`, MODEL: server.model }
    const { stdout } = await promisify(execFile)(python ?? '', [script], { env })
    expect(stdout).toContain('all checks passed')
  })
})
