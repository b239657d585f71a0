import type { Ask, Case, Command, Settings } from './case.ts'

const settings: Settings = {
  slots: 1,
  batchTokens: 4,
  tile: 1,
  prefixCache: true,
  parkedBytes: 0,
  minCopy: 1,
  aging: 20,
  minStay: 1,
  prefill: 0,
  maxQueue: 0,
  maxQueuedTokens: 40,
  queueMs: 0,
  firstTokenMs: 0,
  totalMs: 0,
}

const ask = (more: Partial<Ask> = {}): Command => ({
  do: 'ask',
  ask: {
    text: 0,
    length: 0,
    tail: [],
    n: 1,
    maxTokens: 0,
    stop: undefined,
    ignoreEos: false,
    seed: 0,
    scope: '',
    tenant: 'x',
    weight: 1,
    priority: 0,
    adapter: undefined,
    logprobs: undefined,
    speculation: undefined,
    deadlineMs: undefined,
    ...more,
  },
})

/** Cases that have failed, shrunk, by what was wrong. */
export const regressions: readonly (Case & { readonly name: string })[] = [
  {
    name: 'the first request of all comes while the first engine is being replaced: it was refused',
    settings,
    commands: [{ do: 'crash', heardLate: false }, ask()],
  },
  {
    name: 'a request comes when nobody waits for the next engine any more: it waited for ever',
    settings,
    commands: [
      { do: 'hold', held: true },
      { do: 'crash', heardLate: false },
      { do: 'tick', ms: 130_000 },
      ask(),
    ],
  },
  {
    name: 'all that a pass had was to be restored, and could not be: an empty pass was measured',
    settings: { ...settings, slots: 2, parkedBytes: 400, maxQueue: 1 },
    commands: [
      ask({ length: 4, adapter: 'one' }),
      ask({ n: 2, maxTokens: 2, logprobs: { top: 0, prompt: false } }),
      { do: 'step', passes: 3 },
      { do: 'tear', transfers: 1 },
      ask({ length: 4, adapter: 'one' }),
    ],
  },
]
