import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { memoryKills } from '../../src/process/memory-kills.ts'

const folder = mkdtempSync(join(tmpdir(), 'altiplano-cgroup-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What is counted, where the files are these. */
function countedIn(membership: string, files: Readonly<Record<string, string>>): number | undefined {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'membership'), membership)
  return memoryKills(folder, join(folder, 'membership'))
}

it.each([
  ['v2, in a container', '0::/\n', { 'memory.events': 'low 0\nmax 7\noom 2\noom_kill 3\n' }],
  ['v2, outside', '0::/user.slice/a\n', { 'user.slice/a/memory.events': 'oom 1\noom_kill 3\n' }],
  ['v2, with a path that is not there', '0::/kubepods/a\n', { 'memory.events': 'oom_kill 3\n' }],
  ['v1', '4:memory:/docker/a\n0::/\n', { 'memory/docker/a/memory.oom_control': 'under_oom 0\noom_kill 3\n' }],
  [
    'v1, in a container',
    '4:memory:/docker/a\n',
    { 'memory/memory.oom_control': 'oom_kill_disable 0\noom_kill 3\n' },
  ],
])('memory kills of the kernel are counted: %s', (_where, membership, files) => {
  expect(countedIn(membership, files as Record<string, string>)).toBe(3)
})

it('memory kills are unknown where no control group counts them', () => {
  expect(countedIn('', {})).toBeUndefined()
})
