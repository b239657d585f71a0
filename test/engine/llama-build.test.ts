import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { openAddon } from '../../src/engine/llama/addon.ts'
import { prebuiltBinary } from '../../src/engine/llama/binary.ts'
import { children } from '../support/processes.ts'
import { startServer } from '../support/server.ts'

/** Set by `npm run test:cpus`: a folder with the one build of ggml for the CPU that is to be used. */
const folder = process.env['ALTIPLANO_TEST_BACKENDS']
/** Of Linux alone: /proc tells what a process has loaded, and a llama.cpp that was built here may have its kernels in it. */
const told = prebuiltBinary(false) === undefined ? ` (skipped: no prebuilt llama.cpp of Linux)` : ''

/** The builds of ggml for the CPU that a process has loaded. */
function loadedBy(pid: number | 'self'): string[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
  return [...new Set([...maps.matchAll(/libggml-cpu[\w.-]*\.so/g)].map(([name]) => name))]
}

it.skipIf(told !== '')(`an engine loads one build of ggml for the CPU, the chosen one${told}`, async () => {
  const addon = await openAddon(false)
  const here = loadedBy('self')
  await addon.dispose()
  expect(here).toHaveLength(1)
  if (folder !== undefined) expect(here).toEqual(readdirSync(folder))
  const server = await startServer()
  const engine = loadedBy(children(server.process.pid ?? 0).get('engine') ?? 0)
  await server.stop()
  expect(engine).toEqual(here)
})
