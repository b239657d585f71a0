import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mayHaveGpu } from '../../src/machine/gpu.ts'
import { probeGpu } from '../../src/machine/gpu-probe.ts'

const card = { backend: 'cuda', devices: ['H100'], total: 85e9, free: 84e9, unified: false }
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function probing(body: string): ReturnType<typeof probeGpu> {
  const file = join(folder, `${body.length}.mjs`)
  writeFileSync(file, body)
  return probeGpu(pathToFileURL(file), true)
}

it('the GPU probe reports what its process found', async () => {
  const body = `process.send(${JSON.stringify(card)}, undefined, undefined, () => process.exit(0))`
  expect(await probing(body)).toEqual({ gpu: card, complaint: '' })
})

it('the GPU probe survives a driver that ends its process, and keeps its output', async () => {
  const body = "process.stderr.write('CUDA error: unknown\\n', () => process.abort())"
  expect(await probing(body)).toEqual({ gpu: undefined, complaint: 'CUDA error: unknown' })
})

it.skipIf(mayHaveGpu())(
  "the GPU probe finds no GPU without a driver, whatever the machine's devices say",
  async () => {
    expect((await probeGpu(undefined, true))?.gpu).toBeUndefined()
  },
)

it('the GPU probe starts no process where there is no device', async () => {
  expect(await probeGpu(undefined, false)).toBeUndefined()
})
