// Plants known bugs in the scheduler, the caches and the step loop, one at a time in a copy of the tree, and requires the tests to fail.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Mutant {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const scheduler = 'src/scheduler/scheduler.ts'
const prefixCache = 'src/kvcache/prefix-slot-cache.ts'
const mutants: readonly Mutant[] = [
  {
    name: 'the last token drawn counts as computed',
    file: scheduler,
    find: 'if (index < drawn.length - 1) sequence.computed++',
    replace: 'sequence.computed++',
  },
  {
    name: 'guesses where cells cannot be taken back',
    file: scheduler,
    find: 'if (!this.#cache.copies) return 0',
    replace: '',
  },
  {
    name: 'guesses on after a wrong guess',
    file: 'src/engine/simulated.ts',
    find: 'drawn.length === index + 1 && drawn[index] === guess',
    replace: 'drawn.length === index + 1',
  },
  {
    name: 'saves what lies behind its tokens',
    file: 'src/engine/simulated.ts',
    find: 'Math.min(cells.length, tokens.length)',
    replace: 'cells.length',
  },
  { name: 'never packs', file: scheduler, find: 'if (this.#waiting.length === 0) this.#pack()', replace: '' },
  {
    name: 'a moved sequence leaves its cells behind',
    file: scheduler,
    find: 'sequence.arrival = { copyFrom: sequence.slot, park: lease.park, restore: undefined }',
    replace: 'sequence.arrival = undefined',
  },
  {
    name: 'what lies in a hole is lost',
    file: scheduler,
    find: 'copyFrom: sequence.slot, park: lease.park,',
    replace: 'copyFrom: sequence.slot, park: undefined,',
  },
  {
    name: 'a move forgets its slot',
    file: scheduler,
    find: 'this.#cache.release(sequence.slot, [])',
    replace: 'void 0',
  },
  {
    name: 'generated tokens are generated again',
    file: 'src/scheduler/sequence.ts',
    find: '[...prompt, ...generated]',
    replace: '[...prompt]',
  },
  {
    name: 'a lost restore goes unnoticed',
    file: scheduler,
    find: 'sequence.computed = sequence.cached = 0\n',
    replace: '\n',
  },
  {
    name: 'copies from what is on its way',
    file: scheduler,
    find: 'other.restoring ? 0 : ',
    replace: '',
  },
  {
    name: 'restores a whole prompt',
    file: prefixCache,
    find: 'Math.min(found.shared, prompt.length - 1)',
    replace: 'found.shared',
  },
  {
    name: 'parks what stays',
    file: prefixCache,
    find: 'resident.length - kept < this.#leastParked',
    replace: 'resident.length < this.#leastParked',
  },
  {
    name: 'never over the capacity',
    file: 'src/kvcache/parked-prefixes.ts',
    find: 'if (this.#bytes <= this.#capacity && this.#places.size <= MOST_PLACES) break',
    replace: 'break',
  },
  {
    name: 'a restored slot goes unused',
    file: 'src/engine/step-loop.ts',
    find: 'if (entry.restore === undefined || (await parking?.restore(entry.slot, entry.restore))) continue',
    replace: 'if (entry.restore === undefined) continue',
  },
  {
    name: 'copies from what is not there yet',
    file: scheduler,
    find: 'if (computed > ready)',
    replace: 'if (computed >= ready)',
  },
  { name: 'waits for no other prompt', file: scheduler, find: "return 'deferred'", replace: 'void donor' },
  {
    name: 'waits for a prefix that is there',
    file: scheduler,
    find: 'Math.max(found, donor?.ready ?? 0)',
    replace: 'found',
  },
  {
    name: 'copies again at each chunk',
    file: scheduler,
    find: '  sequence.arrival = undefined\n',
    replace: '',
  },
  {
    name: 'copies the whole prompt',
    file: scheduler,
    find: 'sequence.tokens.length - 1)',
    replace: 'sequence.tokens.length)',
  },
  {
    name: 'prompts take what decodes left',
    file: scheduler,
    find: 'Math.min(budget, this.#prefill.tokens(batch.length))',
    replace: 'budget',
  },
  {
    name: 'a slow pass is forgotten slowly',
    file: 'src/scheduler/prefill-budget.ts',
    find: 'const RISE = 0.5',
    replace: 'const RISE = 0.02',
  },
  {
    name: 'decodes cost nothing',
    file: 'src/scheduler/prefill-budget.ts',
    find: '(MARGIN * target - decodeMs)',
    replace: '(MARGIN * target)',
  },
  {
    name: 'last prompt token not recomputed',
    file: prefixCache,
    find: 'prompt.length - 1)',
    replace: 'prompt.length)',
  },
  {
    name: 'resident tokens forgotten',
    file: prefixCache,
    find: 'slot.resident = resident',
    replace: 'slot.resident = []',
  },
  {
    name: 'most recently used slot first',
    file: prefixCache,
    find: 'slot.lastUsed < best.slot.lastUsed',
    replace: 'slot.lastUsed > best.slot.lastUsed',
  },
  {
    name: 'shortest prefix first',
    file: prefixCache,
    find: 'cached > best.cached',
    replace: 'cached < best.cached',
  },
  {
    name: 'slot stays leased',
    file: prefixCache,
    find: 'slot.leased = false',
    replace: 'slot.leased = true',
  },
  {
    name: 'prefix longer than it is',
    file: 'src/kvcache/common-prefix.ts',
    find: 'let length = 0',
    replace: 'let length = Math.min(1, limit)',
  },
  {
    name: 'computed counts one',
    file: scheduler,
    find: 'sequence.computed += tokens.length',
    replace: 'sequence.computed += 1',
  },
  {
    name: 'prefill before decode',
    file: scheduler,
    find: "if (sequence.phase === 'decode') take(sequence)",
    replace: "if (sequence.phase === 'prefill') take(sequence)",
  },
  {
    name: 'budget never spent',
    file: scheduler,
    find: 'budget -= entry.tokens.length',
    replace: 'budget -= 0',
  },
  { name: 'rows descend', file: scheduler, find: 'a.slot - b.slot', replace: 'b.slot - a.slot' },
  {
    name: 'ended sequences still take tokens',
    file: scheduler,
    find: 'if (sequence.end !== undefined) continue',
    replace: '',
  },
  { name: 'stop token ignored', file: scheduler, find: 'sequence.stopTokens.has(token)', replace: 'false' },
  {
    name: 'one token too many',
    file: scheduler,
    find: 'sequence.generated >= sequence.maxTokens',
    replace: 'sequence.generated > sequence.maxTokens',
  },
  {
    name: 'cached prefix not counted',
    file: scheduler,
    find: 'copied ? donor.ready : lease.cached',
    replace: '0',
  },
  {
    name: 'slot given back during the pass',
    file: scheduler,
    find: 'if (this.#stepping) this.#leaving.push(sequence)\n    else this.#giveBack(sequence)',
    replace: 'this.#giveBack(sequence)',
  },
  {
    name: 'cancelled sequence stays in the queue',
    file: scheduler,
    find: 'if (queued !== -1) this.#waiting.splice(queued, 1)',
    replace: '',
  },
  {
    name: 'sampling inside a prompt',
    file: scheduler,
    find: 'count === pending && sequence.maxTokens > 0 ? sampling : undefined',
    replace: 'sequence.maxTokens > 0 ? sampling : undefined',
  },
  {
    name: 'a scored prompt skips what a slot holds of it',
    file: scheduler,
    find: 'copied || sequence.scoresPrompt ? [] : sequence.tokens',
    replace: 'copied ? [] : sequence.tokens',
  },
  {
    name: 'a scored prompt is copied',
    file: scheduler,
    find: 'this.#cache.copies && !sequence.scoresPrompt ?',
    replace: 'this.#cache.copies ?',
  },
  {
    name: 'the last chunk of a scored prompt begins in generated tokens',
    file: scheduler,
    find: 'Math.min(start + count + 1, promptLength)',
    replace: 'start + count + 1',
  },
  {
    name: 'a prompt alone draws a token',
    file: scheduler,
    find: 'count === pending && sequence.maxTokens > 0 ?',
    replace: 'count === pending ?',
  },
  {
    name: 'log probabilities after the penalties',
    file: 'src/engine/llama-logprobs.ts',
    find: 'pair.whole.applyConfig({ temperature: 0 })',
    replace:
      'pair.whole.applyConfig({ temperature: 0, repeatPenalty: 2, repeatPenaltyTokens: Uint32Array.of(77) })',
  },
  {
    name: 'log probabilities among the best only',
    file: 'src/engine/llama-logprobs.ts',
    find: 'Math.log(weight)',
    replace: 'Math.log(weight * 0.99)',
  },
  {
    name: 'the scores of a draft are those of its first row',
    file: 'src/engine/llama.ts',
    find: 'rows[from + index] ?? -1',
    replace: 'rows[from] ?? -1',
  },
  {
    name: 'scores are told a token late',
    file: 'src/engine/step-loop.ts',
    find: 'const told = scores.splice(0)',
    replace: 'const told = scores.splice(1)',
  },
  {
    name: 'a failed slot keeps its tokens',
    file: scheduler,
    find: "sequence.end === 'error' ? [] : ",
    replace: '',
  },
  {
    name: 'unbounded queue',
    file: scheduler,
    find: 'this.#waiting.length >= this.#maxWaiting',
    replace: 'false',
  },
  {
    name: 'cancel not told',
    file: 'src/engine/step-loop.ts',
    find: "this.#events.push({ id, finish: 'cancelled' })",
    replace: '',
  },
]

const root = process.cwd()
const copy = mkdtempSync(join(tmpdir(), 'altiplano-mutants-'))
for (const path of ['src', 'test', 'models', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
  cpSync(join(root, path), join(copy, path), { recursive: true })
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

function failures(): number {
  const args = ['vitest', 'run', 'test/scheduler', 'test/kvcache', 'test/engine', '--reporter=json']
  const { stdout } = spawnSync('npx', args, { cwd: copy, encoding: 'utf8', timeout: 60_000 })
  // A suite that does not even start kills nobody: count assertions, not exit codes.
  const start = stdout.indexOf('{"numTotalTestSuites"')
  if (start === -1) return Number.NaN
  return (JSON.parse(stdout.slice(start)) as { numFailedTests: number }).numFailedTests
}

if (failures() !== 0) throw new Error('the suite fails without any mutant')
let survived = 0
for (const { name, file, find, replace } of mutants) {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(find).length !== 2)
    throw new Error(`mutant "${name}": its text is not in ${file} exactly once`)
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
  const failed = failures()
  writeFileSync(path, source)
  const killed = failed > 0 || Number.isNaN(failed)
  if (!killed) survived++
  console.log(
    `${killed ? 'killed  ' : 'SURVIVED'} ${name} (${Number.isNaN(failed) ? 'the suite hung' : `${failed} tests failed`})`,
  )
}
rmSync(copy, { recursive: true, force: true })
console.log(`${mutants.length - survived} of ${mutants.length} killed`)
process.exitCode = survived === 0 ? 0 : 1
