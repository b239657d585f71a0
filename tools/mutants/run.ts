// Plants known bugs, one at a time in a copy of the tree, and requires the tests to fail: first the properties, then the rest.
// npm run test:mutants [-- PART OF A NAME]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mutant } from './mutant.ts'
import { mutants } from './mutants.ts'
import { placeOf } from './within-function.ts'

const PROPERTIES = ['test/invariants/invariants.test.ts']
/** What else looks at a file. */
const EXAMPLES: readonly (readonly [file: RegExp, tests: readonly string[]])[] = [
  [
    /engine\/llama/,
    ['llama', 'llama-logprobs', 'llama-memory', 'llama-grammar'].map((name) => `test/engine/${name}.test.ts`),
  ],
  [/engine\/thread-tuner/, ['test/engine/thread-tuner.test.ts']],
  [/simulated-engine/, ['test/engine/simulated.test.ts']],
  [/engine\/step-loop/, ['test/engine/step-loop.test.ts', 'test/engine/parking-lot.test.ts']],
  [/base\/fair-queue/, ['test/scheduler/fair-queue.test.ts', 'test/scheduler/preemption.test.ts']],
  [/scheduler\/prefill-budget/, ['test/scheduler/prefill-budget.test.ts']],
  [/scheduler|kvcache/, ['test/kvcache', 'test/scheduler', 'test/engine/llama-adapters.test.ts']],
]
/** The same cases for each mutant, and enough of them. */
const ENVIRONMENT = { INVARIANTS_RUNS: '200', INVARIANTS_SEED: '1', INVARIANTS_SHRINK: '0' }

const root = process.cwd()
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const copy = mkdtempSync(join(tmpdir(), 'altiplano-mutants-'))
const COPIED = [
  'src',
  'test',
  'models',
  'tools',
  'docs',
  'bench',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
]
for (const path of [...COPIED, 'vitest.config.ts']) {
  cpSync(join(root, path), join(copy, path), { recursive: true })
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

/** How the tests end: 'hung' where they never do. */
function outcome(tests: readonly string[]): 'passed' | 'failed' | 'hung' {
  const args = [vitest, 'run', ...tests, '--bail=1', '--reporter=json']
  const env = { ...process.env, ...ENVIRONMENT }
  const { stdout } = spawnSync(process.execPath, args, { cwd: copy, env, encoding: 'utf8', timeout: 900_000 })
  // A suite that does not even start kills nobody: count assertions, not exit codes.
  const start = stdout.indexOf('{"numTotalTestSuites"')
  if (start === -1) return 'hung'
  const { numFailedTests, numPassedTests } = JSON.parse(stdout.slice(start)) as Record<string, number>
  if (!numFailedTests && !numPassedTests) throw new Error(`no test ran: ${stdout.slice(start, start + 2000)}`)
  return numFailedTests ? 'failed' : 'passed'
}

/** Who kills it, and how; undefined: nobody. */
function killer({ file }: Mutant): string | undefined {
  const examples = EXAMPLES.find(([files]) => files.test(file))?.[1] ?? []
  const suites = file.includes('/llama') ? { examples } : { properties: PROPERTIES, examples }
  for (const [name, tests] of Object.entries(suites)) {
    const end = outcome(tests)
    if (end !== 'passed') return end === 'hung' ? `${name}, which hung` : name
  }
  return undefined
}

/** Offset of the text that a mutant replaces. @throws when the tree has moved on. */
function placeIn(source: string, { name, file, within, find }: Mutant): number {
  const at = placeOf(find, source, within)
  if (at === undefined)
    throw new Error(`mutant "${name}": its text is not exactly once in ${within ?? 'all'} of ${file}`)
  return at
}

function planted(mutant: Mutant): string | undefined {
  const path = join(copy, mutant.file)
  const source = readFileSync(path, 'utf8')
  const at = placeIn(source, mutant)
  writeFileSync(path, source.slice(0, at) + mutant.replace + source.slice(at + mutant.find.length))
  const by = killer(mutant)
  writeFileSync(path, source)
  return by
}

const wanted = process.argv[2] ?? ''
const chosen = mutants.filter(({ name, file }) => name.includes(wanted) || file.includes(wanted))
for (const mutant of chosen) placeIn(readFileSync(join(copy, mutant.file), 'utf8'), mutant)
for (const tests of wanted === '' ? [PROPERTIES, EXAMPLES.flatMap(([, files]) => files)] : []) {
  const end = outcome(tests)
  if (end !== 'passed') throw new Error(`without any mutant, ${tests.join()} ${end}`)
}
let killed = 0
let byProperties = 0
for (const mutant of chosen) {
  const by = planted(mutant)
  if (by !== undefined) killed++
  if (by?.startsWith('properties')) byProperties++
  console.log(by === undefined ? `SURVIVED ${mutant.name}` : `killed   ${mutant.name}: by ${by}`)
}
rmSync(copy, { recursive: true, force: true })
console.log(`${killed} of ${chosen.length} killed, ${byProperties} by the properties alone`)
process.exitCode = killed === chosen.length ? 0 : 1
