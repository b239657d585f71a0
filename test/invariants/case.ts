import fc from 'fast-check'

/** What a run has. Everything in it is data: a failing one can be kept. */
export interface Settings {
  readonly slots: number
  readonly batchTokens: number
  readonly tile: number
  readonly prefixCache: boolean
  /** Bytes for what has to leave its slot. 0: nothing is parked. */
  readonly parkedBytes: number
  readonly minCopy: number
  readonly aging: number
  /** Tokens that are generated before a slot may be taken away. */
  readonly minStay: number
  /** Prompt tokens of a pass beside running streams. 0: all that is left. */
  readonly prefill: number
  readonly maxQueue: number
  readonly maxQueuedTokens: number
  /** 0: no limit. */
  readonly queueMs: number
  readonly firstTokenMs: number
  readonly totalMs: number
}

export interface Ask {
  /** Prompts of one text share their first tokens, and two texts share some. */
  readonly text: number
  readonly length: number
  readonly tail: readonly number[]
  readonly n: number
  readonly maxTokens: number
  /** A stop string: so many characters of the text that is to come. */
  readonly stop: { readonly at: number; readonly length: number } | undefined
  readonly ignoreEos: boolean
  readonly seed: number
  readonly scope: string
  readonly tenant: string
  readonly weight: number
  readonly priority: number
  readonly adapter: string | undefined
  readonly logprobs: { readonly top: number; readonly prompt: boolean } | undefined
  /** What is predicted: nothing, or the text that is to come, with one token wrong. */
  readonly speculation: 'lookup' | { readonly wrongAt: number } | undefined
  readonly deadlineMs: number | undefined
}

export type Command =
  | { readonly do: 'ask'; readonly ask: Ask }
  /** What was asked before is asked again; counted round. */
  | { readonly do: 'again'; readonly at: number }
  /** So many forward passes end. */
  | { readonly do: 'step'; readonly passes: number }
  /** Generations are meant by when they began, counted round. */
  | { readonly do: 'cancel' | 'leave' | 'stall' | 'read'; readonly at: number }
  /** The engine process dies, or hangs and is killed; what it has said last is heard after its end, or never. */
  | { readonly do: 'crash'; readonly heardLate: boolean }
  | { readonly do: 'hang'; readonly heardLate: boolean }
  /** An entry of the pass that runs fails, or the pass. */
  | { readonly do: 'fault'; readonly entry: number }
  | { readonly do: 'lose' }
  /** The next transfers between slots and files fail. */
  | { readonly do: 'tear'; readonly transfers: number }
  /** The pipe between the processes is slow, or is not any more. */
  | { readonly do: 'hold'; readonly held: boolean }
  | { readonly do: 'tick'; readonly ms: number }

export interface Case {
  readonly settings: Settings
  readonly commands: readonly Command[]
}

const upTo = (max: number) => fc.nat(max)
/** One time in so many. */
const oneIn = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

/** Slots and a batch that holds a token of each at least. */
const settings: fc.Arbitrary<Settings> = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  batchTokens: fc.integer({ min: 4, max: 28 }),
  tile: fc.constantFrom(1, 4),
  prefixCache: fc.constantFrom(true, true, true, false),
  parkedBytes: fc.constantFrom(0, 400, 4000),
  minCopy: fc.constantFrom(1, 8),
  aging: fc.constantFrom(20, 200),
  minStay: fc.constantFrom(1, 4),
  prefill: fc.constantFrom(0, 3),
  maxQueue: upTo(6),
  maxQueuedTokens: fc.constantFrom(40, 1000),
  queueMs: fc.constantFrom(0, 0, 2000),
  firstTokenMs: fc.constantFrom(0, 0, 3000),
  totalMs: fc.constantFrom(0, 0, 5000),
})

const ask: fc.Arbitrary<Ask> = fc.record({
  text: upTo(2),
  length: upTo(40),
  tail: fc.array(fc.integer({ min: 1, max: 23 }), { maxLength: 6 }),
  n: fc.constantFrom(1, 1, 1, 2, 3),
  maxTokens: upTo(30),
  stop: oneIn(2, fc.record({ at: upTo(16), length: fc.integer({ min: 1, max: 4 }) })),
  ignoreEos: fc.boolean(),
  seed: upTo(3),
  scope: fc.constantFrom('', 'a', 'b'),
  tenant: fc.constantFrom('x', 'y'),
  weight: fc.constantFrom(1, 3),
  priority: fc.constantFrom(0, 0, 1, 5),
  adapter: fc.constantFrom(undefined, undefined, undefined, 'one'),
  logprobs: oneIn(3, fc.record({ top: upTo(2), prompt: fc.boolean() })),
  speculation: oneIn(2, fc.oneof(fc.constant('lookup' as const), fc.record({ wrongAt: upTo(20) }))),
  deadlineMs: oneIn(6, upTo(4000)),
})

const at = upTo(30)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ do: fc.constant('step' as const), passes: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 24, arbitrary: fc.record({ do: fc.constant('ask' as const), ask }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('again' as const), at }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'leave' as const), at }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'read' as const), at }) },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 1, 5, 50, 700) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), heardLate: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hang' as const), heardLate: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fault' as const), entry: upTo(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tear' as const), transfers: upTo(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hold' as const), held: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(10_000, 130_000, 650_000) }),
  },
)

/** A hundred commands; each shrinks to fewer. */
export const cases = (commands: number): fc.Arbitrary<Case> =>
  fc.record({ settings, commands: fc.array(command, { maxLength: commands, size: 'max' }) })
