import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Draw } from '../../tools/fuzz/draw.ts'
import { readers, readingFault } from '../../tools/fuzz/file-laws.ts'
import { readCase } from '../../tools/fuzz/fuzz-case.ts'
import { startFuzzServer } from '../../tools/fuzz/fuzz-server.ts'
import { mutateGguf } from '../../tools/fuzz/gguf-mutations.ts'
import { faultsOf } from '../../tools/fuzz/laws.ts'
import { sendAndLeave } from '../../tools/fuzz/leaver.ts'
import { drawRequest, type FuzzRequest } from '../../tools/fuzz/requests.ts'
import { stateOf } from '../../tools/fuzz/server-state.ts'
import { sendBytes } from '../../tools/fuzz/wire.ts'
import { ggufBytes, ggufSpec } from '../models/gguf-writer.ts'
import { PATIENCE } from '../support/patience.ts'
import type { TestServer } from '../support/server.ts'

const corpus = new URL('corpus/', import.meta.url)

let server: TestServer
beforeAll(async () => {
  server = await startFuzzServer(['--max-queue', '64'])
})
afterAll(() => server.stop())

async function faults(request: FuzzRequest): Promise<string[]> {
  return faultsOf(request, await sendBytes(Number(new URL(server.url).port), request, PATIENCE))
}

// What the fuzzer has found, each mended.
it.each(readdirSync(corpus))('the recorded fuzz case %s finds no fault', async (file) => {
  expect(await faults(readCase(readFileSync(new URL(file, corpus), 'utf8')))).toEqual([])
})

it('500 random requests find no fault, and restart no process', async () => {
  const before = await stateOf(server)
  const indices = Array.from({ length: 500 }, (_, index) => index)
  const found = new Map<number, string[]>()
  const client = async (): Promise<void> => {
    for (let index = indices.pop(); index !== undefined; index = indices.pop()) {
      const draw = new Draw(7, index)
      const request = drawRequest(draw)
      if (draw.once(20)) {
        await sendAndLeave(Number(new URL(server.url).port), request, draw)
        continue
      }
      const broken = await faults(request)
      if (broken.length > 0) found.set(index, broken)
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  expect(found).toEqual(new Map())
  const after = await stateOf(server)
  expect(after.children).toEqual(before.children)
  expect(after.running + after.waiting).toBe(0)
  expect(after.over).toBe(after.admitted)
})

it('the checks of the fuzzer find planted faults', () => {
  const request = readCase(readFileSync(new URL('stream-asked-to-close.json', corpus), 'utf8'))
  const headers = new Map([
    ['x-request-id', 'a'],
    ['content-type', 'application/json'],
  ])
  const answer = (status: number, body: string) => faultsOf(request, { status, headers, body, ms: 1 })
  const error = (message: string) =>
    answer(
      500,
      JSON.stringify({ error: { message, type: 'server_error', param: null, code: 'internal_error' } }),
    )
  expect(answer(500, '{}')).toContain('status 500')
  expect(error('boom at file.ts:1:2')).toContainEqual(expect.stringContaining('tells of the inside'))
  expect(answer(200, '{"choices":[]}')).toContain('no choices')
  expect(answer(418, '{}')).toContain('status 418 is not in the catalogue')
  expect(faultsOf(request, undefined)).toEqual(['closed without an answer'])
})

it('300 mutated model files are read, or refused with a reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'altiplano-fuzz-'))
  const path = join(folder, 'changed.gguf')
  const model = ggufBytes(ggufSpec())
  try {
    for (let index = 0; index < 300; index++) {
      writeFileSync(path, mutateGguf(model, model.length, new Draw(3, index)))
      expect(await readingFault(() => readers.gguf(path)), `seed 3, ${index}`).toBeUndefined()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
