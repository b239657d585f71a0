import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MAX_SUBJECT, newestSubjects, offencesInSubjects } from '../../tools/prose/subjects.ts'

const skipped = spawnSync('git', ['--version']).status === 0 ? '' : ' (skipped: no git)'
const longest = 'x'.repeat(MAX_SUBJECT)

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'altiplano-subjects-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function git(...args: string[]): void {
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false']
  const { status, stderr } = spawnSync('git', [...author, ...args], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

function commit(message: string): void {
  git('commit', '--quiet', '--no-verify', '--allow-empty', '--allow-empty-message', '--message', message)
}

function rulesBroken(): string[] {
  const subjects = newestSubjects(folder)
  if ('missing' in subjects) throw new Error(subjects.missing)
  return offencesInSubjects(subjects.log).map(({ rule }) => rule)
}

it.skipIf(skipped !== '')(`the prose check finds the subjects of commits that break a rule${skipped}`, () => {
  git('init', '--quiet')
  commit(`${longest}\n\n${'A body may be long and ends with a full stop. '.repeat(4)}`)
  expect(rulesBroken()).toEqual([])
  commit(`${longest}y`)
  commit('A sentence.')
  commit('')
  expect(rulesBroken()).toEqual([
    'its subject is empty',
    'its subject ends with a full stop',
    'its subject has 73 characters, more than 72',
  ])
})

it.skipIf(skipped !== '')(`the prose check reads the newest commits alone, and no merges${skipped}`, () => {
  git('init', '--quiet', '--initial-branch=main')
  commit(`${longest}, before the rule`)
  for (let count = 0; count < 49; count++) commit('A change')
  expect(rulesBroken()).toHaveLength(1)
  git('checkout', '--quiet', '-b', 'side')
  commit('A change beside')
  git('checkout', '--quiet', 'main')
  git('merge', '--quiet', '--no-ff', '--message', `Merge ${longest}`, 'side')
  expect(rulesBroken()).toEqual([])
})

it('the prose check passes without a history of commits, and says why', () => {
  expect(newestSubjects(folder)).toEqual({ missing: expect.stringMatching(/\w/) })
})

it('the prose check counts the characters of a subject, not their bytes', () => {
  expect(
    offencesInSubjects([`abc1234 ${'é'.repeat(MAX_SUBJECT)}`, `abc1234 ${'🙂'.repeat(MAX_SUBJECT)}`]),
  ).toEqual([])
})
