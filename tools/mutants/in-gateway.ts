import type { Mutant } from './mutant.ts'

/** Between engine and client. */
export const inGateway: readonly Mutant[] = [
  {
    name: 'a dead engine is heard',
    file: 'src/children/supervised-child.ts',
    find: 'if (child === this.#process && frame.epoch === epoch) this.#hear(frame)',
    replace: 'this.#hear(frame)',
  },
  {
    name: 'an engine is heard after its end',
    file: 'src/children/supervised-child.ts',
    find: 'child === this.#process && ',
    replace: '',
  },
  {
    name: 'what was generated is not told to the next engine',
    file: 'src/generation/generator.ts',
    find: 'tokens: generated, wantsPrompt',
    replace: 'wantsPrompt, generated = Uint32Array.of()',
  },
  {
    name: 'nobody is resumed',
    file: 'src/generation/generator.ts',
    find: 'for (const generation of this.#live.values()) this.#submit(generation)',
    replace: 'void this.#live',
  },
  {
    name: 'a third engine is risked',
    file: 'src/generation/generator.ts',
    find: 'if (losses.crashes >= 2) {',
    replace: 'if (losses.crashes >= 2000) {',
  },
  {
    name: 'whoever met a hang is under suspicion',
    file: 'src/generation/generator.ts',
    find: "losses[killed ? 'hangs' : 'crashes']++",
    replace: 'losses.crashes++',
  },
  {
    name: 'a request may hang any number of engines',
    file: 'src/generation/generator.ts',
    find: 'else if (losses.hangs >= MOST_HANGS)',
    replace: 'else if (losses.hangs >= 1000)',
  },
  {
    name: 'nobody is quarantined',
    file: 'src/generation/generator.ts',
    find: 'this.#quarantine.add(generation.request)',
    replace: 'void generation',
  },
  {
    name: 'tokens that wait are never taken off',
    file: 'src/generation/generator.ts',
    find: 'this.#queued.add(tenantOf(generation.request), -generation.request.prompt.length)',
    replace: '',
  },
  {
    name: 'who is over still waits',
    file: 'src/generation/generator.ts',
    find: '    this.#leaveQueue(generation)\n    if (cancelEngine)',
    replace: '    if (cancelEngine)',
  },
  {
    name: 'a stop string leaves the engine running',
    file: 'src/generation/generator.ts',
    find: "if (cancelEngine) this.#options.send({ type: 'cancel', id: generation.id })",
    replace: '',
  },
  {
    name: 'the queue has no bound',
    file: 'src/generation/generator.ts',
    find: "if (!this.#inside.takes(tenant, count, room, keptOf(maxQueue))) throw this.#full('its queue is full')",
    replace: '',
  },
  {
    name: 'one tenant may fill the queue',
    file: 'src/shared-bound.ts',
    find: "return tenant === '' || all <= limit - kept || ",
    replace: 'return true || ',
  },
  {
    name: 'choices count as one',
    file: 'src/generation/generator.ts',
    find: 'if (this.#inside.all + count <= slots ||',
    replace: 'if (this.#inside.all + 1 <= slots ||',
  },
  {
    name: 'something comes after the end',
    file: 'src/generation/generation.ts',
    find: 'if (event.finish === undefined || this.#over) return',
    replace: 'if (event.finish === undefined) return',
  },
  {
    name: 'ends twice, by cancel',
    file: 'src/generation/generation.ts',
    find: "if (!this.#over) this.#finish('cancelled', true)",
    replace: "this.#finish('cancelled', true)",
  },
  {
    name: 'its reader waits for ever',
    file: 'src/generation/generation.ts',
    find: 'this.#queue.close()',
    replace: 'void this.#queue',
  },
  {
    name: 'what is held back is lost at the end',
    file: 'src/generation/generation.ts',
    find: 'else this.#emitText(stopMatcher.flush())',
    replace: 'else void stopMatcher',
  },
  {
    name: 'the token with the stop string is not counted',
    file: 'src/generation/generation.ts',
    find: '    this.#tokens.push(token)\n    const { output',
    replace: '    if (this.request.stops.length === 0) this.#tokens.push(token)\n    const { output',
  },
  {
    name: 'a stop string begins to leave',
    file: 'src/text/stop-matcher.ts',
    find: 'Math.max(...this.#stops.map((stop) => overlap(text, stop)))',
    replace: '0',
  },
  {
    name: 'time limits are not watched',
    file: 'src/generation/time-limits.ts',
    find: '  look()\n  return',
    replace: '  return',
  },
  {
    name: 'the queue timeout hits whoever runs',
    file: 'src/generation/time-limits.ts',
    find: "stages: ['waiting'],",
    replace: 'stages: EVER,',
  },
  {
    name: 'a prompt is scored from where the last engine was',
    file: 'src/generation/generation.ts',
    find: 'if (this.#promptLogprobs !== undefined) this.#promptLogprobs = []',
    replace: 'void this.#promptLogprobs',
  },
  {
    name: 'a slow reader is told too little',
    file: 'src/generation/generation.ts',
    find: 'merged[merged.length - 1] = joined',
    replace: 'void joined',
  },
]
