import type { Mutant } from './mutant.ts'

/** In the step loop and the engines. */
export const inEngine: readonly Mutant[] = [
  {
    name: 'guesses on after a wrong guess',
    file: 'test/support/simulated-engine.ts',
    find: 'drawn.length === index + 1 && drawn[index] === guess',
    replace: 'drawn.length === index + 1',
  },
  {
    name: 'saves what lies behind its tokens',
    file: 'test/support/simulated-engine.ts',
    find: 'Math.min(cells.length, tokens.length)',
    replace: 'cells.length',
  },
  {
    name: 'a restored slot goes unused',
    file: 'src/engine/step-loop.ts',
    find: 'if (entry.restore === undefined || (await parking?.restore(entry.slot, entry.restore))) continue',
    replace: 'if (entry.restore === undefined) continue',
  },
  {
    name: 'log probabilities after the penalties',
    file: 'src/engine/llama/logprobs.ts',
    find: 'pair.whole.applyConfig({ temperature: 0 })',
    replace:
      'pair.whole.applyConfig({ temperature: 0, repeatPenalty: 2, repeatPenaltyTokens: Uint32Array.of(77) })',
  },
  {
    name: 'log probabilities among the best only',
    file: 'src/engine/llama/logprobs.ts',
    find: 'Math.log(weight)',
    replace: 'Math.log(weight * 0.99)',
  },
  {
    name: 'the scores of a draft are those of its first row',
    file: 'src/engine/llama/engine.ts',
    find: 'rows[from + index] ?? -1',
    replace: 'rows[from] ?? -1',
  },
  {
    name: 'scores are reported a token late',
    file: 'src/engine/step-loop.ts',
    find: 'const taken = scores.splice(0)',
    replace: 'const taken = scores.splice(1)',
  },
  {
    name: 'a cancel is not reported',
    file: 'src/engine/step-loop.ts',
    find: "this.#events.push({ id, finish: 'cancelled' })",
    replace: '',
  },
  {
    name: 'cells behind a position stay',
    file: 'test/support/simulated-engine.ts',
    find: '    cells.length = start\n',
    replace: '',
  },
  {
    name: 'cells behind a position stay, in llama.cpp',
    file: 'src/engine/llama/engine.ts',
    find: 'for (const { slot, start } of entries) if (this.#slotOf(slot).resident > start) this.#cut(slot, start)',
    replace: 'void entries',
  },
  {
    name: 'tokens are reported twice',
    file: 'src/engine/step-loop.ts',
    find: 'known.times.tokensReported += fresh.length',
    replace: 'void fresh',
  },
  {
    name: 'a resumed sequence reports what it began with',
    file: 'src/engine/step-loop.ts',
    find: 'tokensReported: sequence.tokens.length',
    replace: 'tokensReported: sequence.promptLength',
  },
  {
    name: 'a sequence that has ended is never forgotten',
    file: 'src/engine/step-loop.ts',
    find: 'if (end !== undefined) this.#sequences.delete(id)',
    replace: '',
  },
  {
    name: 'a grammar stays where its sequence has left the slot',
    file: 'src/engine/llama/engine.ts',
    find: ' && held.seen === history.length) return',
    replace: ') return',
  },
  {
    name: 'a preemption is not reported',
    file: 'src/engine/step-loop.ts',
    find: 'this.#events.push({ id, preempted: true })',
    replace: 'void id',
  },
  {
    name: 'is asleep with the books wrong',
    file: 'src/engine/step-loop.ts',
    find: '        this.#checkInvariants()\n',
    replace: '',
  },
  {
    name: 'threads: draws behind a failed pass count',
    file: 'src/engine/llama/engine.ts',
    find: "if (passed.status === 'rejected') throw passed.reason",
    replace: '',
  },
  {
    name: 'threads: prompts have those of streams',
    file: 'src/engine/llama/engine.ts',
    find: 'prompts ? this.#promptThreads : ',
    replace: '',
  },
  {
    name: 'threads: chance changes them',
    file: 'src/engine/thread-tuner.ts',
    find: '.slice(0, -1)',
    replace: '',
  },
  {
    name: 'threads: what has lost is tried as soon again',
    file: 'src/engine/thread-tuner.ts',
    find: 'const LONGER = 4',
    replace: 'const LONGER = 1',
  },
]
