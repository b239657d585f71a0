import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freeCores } from '../../src/machine/free-cores.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Cores on a machine of 8 whose control groups have these files. */
function cores(own: string, files: Record<string, string>): number {
  const groups = { root: join(folder, 'cgroup'), own: join(folder, 'own') }
  writeFileSync(groups.own, own)
  for (const [name, content] of Object.entries(files)) {
    const file = join(groups.root, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  return freeCores(groups, 8)
}

/** Version 1. */
const quota = (tree: string, us: number, period = 100_000): Record<string, string> => ({
  [`${tree}/cpu.cfs_quota_us`]: `${us}\n`,
  [`${tree}/cpu.cfs_period_us`]: `${period}\n`,
})

const v1 = '4:memory:/docker/1234\n3:cpu,cpuacct:/docker/1234\n1:name=systemd:/docker/1234\n'

it.each([
  ['1 or 2: no groups', '', {}, 8],
  ['2: a quota', '0::/\n', { 'cpu.max': '300000 100000\n' }, 3],
  ['2: part of a core', '0::/\n', { 'cpu.max': '250000 100000\n' }, 2],
  ['2: less than a core', '0::/\n', { 'cpu.max': '50000 100000\n' }, 1],
  ['2: none', '0::/\n', { 'cpu.max': 'max 100000\n' }, 8],
  ['2: more than the machine', '0::/\n', { 'cpu.max': '3200000 100000\n' }, 8],
  [
    '2: a service',
    '0::/system.slice/a.service\n',
    { 'system.slice/a.service/cpu.max': '200000 100000\n' },
    2,
  ],
  [
    '2: what is above a service',
    '0::/system.slice/a.service\n',
    { 'system.slice/cpu.max': '300000 100000\n', 'system.slice/a.service/cpu.max': 'max 100000\n' },
    3,
  ],
  ['1: a quota', v1, quota('cpu,cpuacct', 300_000), 3],
  ['1: another period', v1, quota('cpu', 100_000, 50_000), 2],
  ['1: less than a core', v1, quota('cpu', 50_000), 1],
  ['1: none', v1, quota('cpu,cpuacct', -1), 8],
  ['1: in a group of its own', v1, { ...quota('cpu', -1), ...quota('cpu/docker/1234', 400_000) }, 4],
  ['1: in the group of another tree', '3:memory:/a\n2:cpu:/\n', quota('cpu/a', 100_000), 8],
  ['1: in a group with a colon', '2:cpuacct,cpu:/a:b\n', quota('cpuacct,cpu/a:b', 200_000), 2],
  ['1 and 2', `${v1}0::/docker/1234\n`, quota('cpu', 500_000), 5],
  ['something else', '0::/\n', { 'cpu.max': 'what?\n' }, 8],
])('free cores are counted by control groups, version %s', (_name, own, files, expected) => {
  expect(cores(own, files as Record<string, string>)).toBe(expected)
})

it('free cores are those of the machine without control groups', () => {
  expect(freeCores({ root: join(folder, 'none'), own: join(folder, 'none') }, 8)).toBe(8)
  expect(freeCores()).toBeGreaterThan(0)
})
