import { expect, it } from 'vitest'
import { readJunit } from '../../tools/judges/junit.ts'
import { withRows } from '../../tools/judges/table.ts'
import { verdictOf } from '../../tools/judges/verdict.ts'

const PYTEST = `<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" tests="3">
<testcase classname="test_a.TestChat" name="test_one[x &gt; 1]" time="0.1" />
<testcase classname="test_a.TestChat" name="test_two" time="0.1"><failure message="assert &quot;a&quot; == 1&#10;more">E   assert &lt;x&gt;</failure></testcase>
<testcase classname="test_a.TestChat" name="test_three" time="0"><skipped type="pytest.skip" message="no images">where</skipped></testcase>
<testcase classname="test_a" name="test_four" time="0"><error message="failed on setup">trace</error></testcase>
</testsuite></testsuites>`

const NODE = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="chat: answers" time="1.2" classname="test"/>
	<testcase name="chat: a > b" time="0.2" classname="test" failure="no">
		<failure type="testCodeFailure" message="no">
[Error: no]
		</failure>
	</testcase>
</testsuites>`

it('a report of pytest is read: names, failures, errors and what was skipped', () => {
  const outcomes = readJunit(PYTEST)
  expect(outcomes.map(({ test, ended }) => [test, ended])).toEqual([
    ['test_a.TestChat.test_one[x > 1]', 'passed'],
    ['test_a.TestChat.test_two', 'failed'],
    ['test_a.TestChat.test_three', 'skipped'],
    ['test_a.test_four', 'failed'],
  ])
  expect(outcomes.map(({ says }) => says)).toEqual([
    '',
    'assert "a" == 1\nmore\nE   assert <x>',
    'no images\nwhere',
    'failed on setup\ntrace',
  ])
})

it('a report of node --test is read', () => {
  expect(readJunit(NODE).map(({ test, ended }) => [test, ended])).toEqual([
    ['chat: answers', 'passed'],
    ['chat: a > b', 'failed'],
  ])
})

it('a failure is expected only where its test and its text are known', () => {
  const known = [
    { test: /test_two/, says: /assert "a"/, whose: 'model', why: 'its text' },
    { test: /test_four/, says: /another text/, whose: 'client', why: 'never starts' },
  ] as const
  const verdict = verdictOf(readJunit(PYTEST), known)
  expect([verdict.passed, verdict.failed, verdict.skipped]).toEqual([1, 2, 1])
  expect(verdict.reasons).toMatchObject([{ whose: 'model', why: 'its text', count: 1 }])
  expect(verdict.unexpected.map(({ test }) => test)).toEqual(['test_a.test_four'])
  expect(verdict.mended).toEqual([known[1]])
})

it('a run of one judge leaves the rows of the others as they are', () => {
  const page = 'Before\n<!-- judges: written by npm run test:judges -->\n<!-- /judges -->\nAfter\n'
  const row = (judge: string, runs: string) => ({
    judge,
    runs,
    versions: 'x 1',
    date: '2026-01-01',
    verdict: 'no such package | here',
  })
  const both = withRows(page, [row('b', 'old'), row('a', 'old')], ['a', 'b'])
  const again = withRows(both, [row('b', 'new')], ['a', 'b'])
  expect(again.split('\n').filter((line) => /^\| [ab] /.test(line))).toEqual([
    '| a | old | x 1 |  |  |  | not run: no such package \\| here | 2026-01-01 |',
    '| b | new | x 1 |  |  |  | not run: no such package \\| here | 2026-01-01 |',
  ])
  expect(again.startsWith('Before\n') && again.endsWith('\nAfter\n')).toBe(true)
})
