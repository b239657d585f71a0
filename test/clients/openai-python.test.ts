import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startServer } from '../support/server.ts'

const python = process.env['ALTIPLANO_TEST_PYTHON']
const script = fileURLToPath(new URL('openai_python.py', import.meta.url))

if (python === undefined) {
  console.warn(
    'openai-python: skipped, ALTIPLANO_TEST_PYTHON names no interpreter with test/clients/requirements.txt',
  )
}

it.skipIf(python === undefined)('openai-python chats, streams, leaves and maps errors', async () => {
  const server = await startServer()
  try {
    const models = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] }
    const env = { ...process.env, BASE_URL: `${server.url}/v1`, MODEL: models.data[0]?.id }
    const { stdout } = await promisify(execFile)(python ?? '', [script], { env })
    expect(stdout).toContain('all checks passed')
  } finally {
    await server.stop()
  }
})
