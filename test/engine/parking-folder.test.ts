import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bytesIn, parkingFolder, removeAbandoned } from '../../src/machine/parking-folder.ts'

let parent: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

it('the bytes of a kept parking folder are counted, and those of nothing else', () => {
  const kept = parkingFolder({ folder: parent, keepAs: 'a model' }, process.pid)
  expect(bytesIn(kept)).toBe(0)
  mkdirSync(kept, { mode: 0o700 })
  writeFileSync(join(kept, 'one'), Buffer.alloc(3000))
  writeFileSync(join(kept, 'two'), Buffer.alloc(500))
  expect(bytesIn(kept)).toBe(3500)
  const link = join(parent, 'link')
  symlinkSync(kept, link)
  expect(bytesIn(link)).toBe(0)
  expect(parkingFolder({ folder: parent, keepAs: 'another' }, process.pid)).not.toBe(kept)
})

it('the parking folders of this process and of ended servers are removed at start', () => {
  const gone = 2 ** 22 + 1
  for (const pid of [process.pid, process.ppid, gone])
    mkdirSync(parkingFolder({ folder: parent, keepAs: undefined }, pid), { mode: 0o700 })
  mkdirSync(join(parent, 'altiplano-kv-not-a-number'), { mode: 0o700 })
  removeAbandoned(parent, process.pid)
  expect(readdirSync(parent).sort()).toEqual(
    [`altiplano-kv-${process.ppid}`, 'altiplano-kv-not-a-number'].sort(),
  )
})
