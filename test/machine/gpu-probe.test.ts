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

it('tells what the process found', async () => {
  const body = `process.send(${JSON.stringify(card)}, undefined, undefined, () => process.exit(0))`
  expect(await probing(body)).toEqual({ gpu: card, complaint: '' })
})

it('outlives a driver that ends the process, and keeps what it wrote', async () => {
  const body = "process.stderr.write('CUDA error: unknown\\n', () => process.abort())"
  expect(await probing(body)).toEqual({ gpu: undefined, complaint: 'CUDA error: unknown' })
})

it.skipIf(mayHaveGpu())(
  'finds no GPU on a machine whose driver is not there, whatever its devices say',
  async () => {
    expect((await probeGpu(undefined, true))?.gpu).toBeUndefined()
  },
)

it('looks at nothing where there is no device', async () => {
  expect(await probeGpu(undefined, false)).toBeUndefined()
})
