import { ServingError } from '../base/errors.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { FinishReason, SequenceEvent } from '../protocol/engine-messages.ts'
import type { SequenceSpec } from '../protocol/sequence-spec.ts'
import { ContentTokens, type ScoredToken } from '../text/output/content-tokens.ts'
import type { Detokenizer } from '../text/output/detokenizer.ts'
import type { OutputFormat, OutputParser, OutputPart } from '../text/output/output-parser.ts'
import { join } from '../text/output/output-parser.ts'
import type { StopMatcher } from '../text/output/stop-matcher.ts'
import type { TokenLogprob } from '../text/token-logprob.ts'
import { EventQueue } from './event-queue.ts'
import type { Stage } from './time-limits.ts'
import type { Timings } from './timings.ts'

/** A request that has passed every check: what a generation runs on. */
export interface GenerationRequest {
  /** Specification of the sequence that the engine runs. */
  readonly spec: SequenceSpec
  readonly stops: readonly string[]
  /** Texts that end the content as a token of the model's does, and are reported to nobody. Default: none. */
  readonly turnEnds?: readonly string[]
  /** Monotonic milliseconds at which the answer is of no use any more; undefined: never. */
  readonly deadlineAt: number | undefined
  /** A thought of so many tokens, at least one, is ended with others; undefined: it may be as long as it gets. */
  readonly thoughtLimit: { readonly tokens: number; readonly ending: Uint32Array } | undefined
  /** How the text is to be read; undefined: all of it is text. */
  readonly output: OutputFormat | undefined
}

export interface Usage {
  readonly promptTokens: number
  /** Sampled tokens, an end-of-generation token included. */
  readonly completionTokens: number
  /** Prompt tokens that were in the KV cache already. */
  readonly cachedTokens: number
  /** Tokens guessed ahead that were right, and wrong. */
  readonly acceptedDrafts: number
  readonly rejectedDrafts: number
  /** Completion tokens of the thought, its closing tag included. */
  readonly reasoningTokens: number
}

export interface GenerationEnd {
  readonly type: 'end'
  readonly reason: 'stop' | 'length'
  /** The stop string that ended the content, where one did. */
  readonly stop?: string | undefined
  readonly usage: Usage
  readonly timings: Timings
  /** Mean log probability of all sampled tokens, and the token that ended it, which has no text; absent: none are wanted. */
  readonly logprobs?: { readonly mean: number; readonly stopToken: ScoredToken | undefined }
}

/** Comes once, before all text, where the prompt's log probabilities are wanted. */
export interface ScoredPrompt {
  readonly type: 'prompt'
  readonly tokens: Uint32Array
  /** Log probabilities of the tokens from the second on. */
  readonly logprobs: readonly TokenLogprob[]
}

export type GenerationEvent =
  | OutputPart
  | ScoredPrompt
  /** No token comes for a while, and why: the engine is replaced, or the slot is given to another request. */
  | { readonly type: 'paused'; readonly why: string }
  | GenerationEnd

/** Outcome of a generation, reported once, when it is over. */
export interface GenerationRecord {
  readonly reason: FinishReason
  readonly usage: Usage
  readonly timings: Timings
}

/** Log probability of a token that the gateway writes: nothing is sampled. */
const FORCED: TokenLogprob = { logprob: 0, top: [] }

interface Dependencies {
  readonly detokenizer: Detokenizer
  readonly output: OutputParser
  /** Looks at content only: a thought and a call's arguments may hold a stop string. */
  readonly stopMatcher: StopMatcher
  /** Milliseconds, monotonic. */
  readonly now: () => number
  readonly metrics: Metrics
  /** Called when the gateway has added tokens that the engine does not have: the sequence is sent anew under another id. */
  readonly onRewritten: () => void
  /** Called once, whatever the end. `cancelled` is true when the engine may still be running it. */
  readonly onOver: (record: GenerationRecord, cancelled: boolean) => void
}

/**
 * One sequence's life in the gateway: tokens come in from the engine, text goes out to one reader.
 * Leaving the iteration cancels it.
 */
export class Generation implements AsyncIterable<GenerationEvent> {
  /** Id of its sequence in the engine. */
  id: string
  readonly request: GenerationRequest
  readonly #deps: Dependencies
  readonly #queue = new EventQueue<GenerationEvent | ServingError>()
  readonly #acceptedAt: number
  #firstTokenAt: number | undefined
  #lastTokenAt = 0
  #preemptedAt: number | undefined
  #preemptedMs = 0
  readonly #tokens: number[] = []
  #reasoningTokens = 0
  #started = false
  #admitted: SequenceEvent['admitted']
  #drafts: SequenceEvent['drafts']
  readonly #content: ContentTokens | undefined
  #logprobSum = 0
  #stopToken: ScoredToken | undefined
  #promptLogprobs: TokenLogprob[] | undefined
  #stop: string | undefined
  #thoughtEnded = false
  #over = false

  constructor(id: string, request: GenerationRequest, deps: Dependencies) {
    this.id = id
    this.request = request
    this.#deps = deps
    this.#content = request.spec.logprobs && new ContentTokens()
    this.#promptLogprobs = request.spec.logprobs?.prompt ? [] : undefined
    this.#acceptedAt = deps.now()
  }

  /** All that has been generated so far: from here another engine can go on. */
  get tokens(): Uint32Array {
    return Uint32Array.from(this.#tokens)
  }

  /** Whether it has ended, however much of it its reader has read. */
  get over(): boolean {
    return this.#over
  }

  /** Whether it has a slot of the engine, as far as is known. */
  get holdsSlot(): boolean {
    return this.stage !== 'waiting' && this.#preemptedAt === undefined
  }

  get stage(): Stage {
    if (this.#firstTokenAt !== undefined) return 'decode'
    return this.#started ? 'prefill' : 'waiting'
  }

  /** Usage so far. What was cached is known from the first event on. */
  get usage(): Usage {
    return {
      promptTokens: this.request.spec.prompt.length,
      completionTokens: this.#tokens.length,
      cachedTokens: this.#admitted?.cached ?? 0,
      reasoningTokens: this.#reasoningTokens,
      acceptedDrafts: this.#drafts?.accepted ?? 0,
      rejectedDrafts: this.#drafts?.rejected ?? 0,
    }
  }

  /** Notes that the engine is gone, and that another one will go on. */
  pause(): void {
    // What has come of the prompt is not all: the next engine begins again with it.
    if (this.#promptLogprobs !== undefined) this.#promptLogprobs = []
    if (!this.#over) this.#queue.push({ type: 'paused', why: 'the engine is being replaced' })
  }

  /** Takes what the engine reports of this sequence after a step. */
  accept(event: SequenceEvent): void {
    if (this.#over) return
    this.#started ||= event.started === true || event.admitted !== undefined
    this.#admitted ??= event.admitted
    if (event.preempted) {
      this.#preemptedAt = this.#deps.now()
      this.#queue.push({ type: 'paused', why: 'other requests have their turn' })
    }
    this.#drafts = event.drafts ?? this.#drafts
    if (event.promptLogprobs !== undefined) this.#promptLogprobs?.push(...event.promptLogprobs)
    if (event.token !== undefined || event.finish === 'length') this.#emitPrompt()
    if (event.token !== undefined) this.#acceptToken(event.token, event.finish === 'stop', event.logprob)
    if (event.finish === undefined || this.#over) return
    if (event.finish === 'stop' || event.finish === 'length') this.#end(event.finish, false)
    else
      this.fail(
        new ServingError('engine_failed', event.message ?? 'The engine could not finish this request'),
      )
  }

  fail(error: ServingError): void {
    if (this.#over) return
    this.#queue.push(error)
    this.#finish('error', true)
  }

  cancel(): void {
    if (!this.#over) this.#finish('cancelled', true)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationEvent> {
    try {
      for (let events = await this.#queue.take(); events !== undefined; events = await this.#queue.take()) {
        for (const event of mergeText(events)) {
          if (event instanceof ServingError) throw event
          yield event
        }
      }
    } finally {
      this.cancel()
    }
  }

  #emitPrompt(): void {
    if (this.#promptLogprobs === undefined) return
    this.#queue.push({ type: 'prompt', tokens: this.request.spec.prompt, logprobs: this.#promptLogprobs })
    this.#promptLogprobs = undefined
  }

  #acceptToken(token: number, isStopToken: boolean, logprob: TokenLogprob | undefined): void {
    const now = this.#deps.now()
    if (this.#firstTokenAt === undefined) this.#firstTokenAt = now
    else this.#deps.metrics.interTokenLatency.observe((now - this.#lastTokenAt) / 1000)
    this.#lastTokenAt = now
    if (this.#preemptedAt !== undefined) this.#preemptedMs += now - this.#preemptedAt
    this.#preemptedAt = undefined
    this.#tokens.push(token)
    const { output, detokenizer } = this.#deps
    const wasInThought = output.inThought
    this.#logprobSum += logprob?.logprob ?? 0
    if (isStopToken) {
      this.#stopToken = logprob && { token, text: '', logprob }
      return
    }
    const text = detokenizer.push(token)
    if (logprob !== undefined) this.#content?.push({ token, text, logprob })
    const stopped = this.#emit(output.push(text))
    if (wasInThought || output.inThought) this.#reasoningTokens++
    if (stopped || output.done) this.#end('stop', true)
    else this.#limitThought()
  }

  #limitThought(): void {
    const { thoughtLimit } = this.request
    if (thoughtLimit === undefined || this.#thoughtEnded || !this.#deps.output.inThought) return
    if (this.#reasoningTokens < thoughtLimit.tokens) return
    this.#endThought(thoughtLimit.ending)
    // There may have been room for no more.
    if (!this.#over) this.#deps.onRewritten()
  }

  /** Writes what the model would have written to end its thought; what it has begun of a character is left out. */
  #endThought(ending: Uint32Array): void {
    const { output, detokenizer } = this.#deps
    this.#thoughtEnded = true
    const tokens = [...ending.subarray(0, this.request.spec.maxTokens - this.#tokens.length)]
    this.#tokens.push(...tokens)
    this.#reasoningTokens += tokens.length
    const held = detokenizer.flush()
    for (const [index, text] of [held, ...tokens.map((token) => detokenizer.push(token))].entries()) {
      this.#content?.push({ token: tokens[index - 1] ?? -1, text, logprob: FORCED })
      this.#emit(output.push(text))
    }
    if (this.#tokens.length === this.request.spec.maxTokens) this.#end('length', true)
  }

  /** Queues parts for the reader. Returns whether a stop string ends the answer within them. */
  #emit(parts: readonly OutputPart[]): boolean {
    for (const part of parts) {
      if (part.type !== 'text') {
        this.#emitText(this.#deps.stopMatcher.flush())
        this.#queue.push(part)
        continue
      }
      const { text, stopped } = this.#deps.stopMatcher.push(part.text)
      this.#emitText(text)
      if (stopped === undefined) continue
      this.#stop = stopped
      return true
    }
    return false
  }

  #emitText(text: string): void {
    if (text === '') return
    const tokens = this.#content?.take(text.length, this.#deps.output.contentStart ?? 0)
    this.#queue.push({ type: 'text', text, ...(tokens && { tokens }) })
  }

  /** Queues tokens at the end of the content that no text came of: their character was never finished. */
  #emitTextless(): void {
    const { contentStart, hasCalls } = this.#deps.output
    if (contentStart === undefined || hasCalls) return
    const tokens = this.#content?.rest(contentStart) ?? []
    if (tokens.length > 0) this.#queue.push({ type: 'text', text: '', tokens })
  }

  #end(reason: 'stop' | 'length', cancelEngine: boolean): void {
    if (!cancelEngine) {
      const { output, detokenizer, stopMatcher } = this.#deps
      const stopped = this.#emit([...output.push(detokenizer.flush()), ...output.flush()])
      if (stopped) reason = 'stop'
      else this.#emitText(stopMatcher.flush())
      if (!stopped) this.#emitTextless()
    }
    const wanted = this.#stop !== undefined && this.request.stops.includes(this.#stop)
    const stop = wanted ? { stop: this.#stop } : {}
    const end = { type: 'end', reason, ...stop, usage: this.usage, timings: this.#timings() } as const
    const mean = this.#tokens.length === 0 ? 0 : this.#logprobSum / this.#tokens.length
    this.#queue.push(
      this.#content === undefined ? end : { ...end, logprobs: { mean, stopToken: this.#stopToken } },
    )
    this.#finish(reason, cancelEngine)
  }

  #finish(reason: FinishReason, cancelEngine: boolean): void {
    this.#over = true
    this.#queue.close()
    this.#deps.onOver({ reason, usage: this.usage, timings: this.#timings() }, cancelEngine)
  }

  #timings(): Timings {
    const now = this.#deps.now()
    return {
      promptTokens: this.request.spec.prompt.length,
      cachedTokens: this.#admitted?.cached ?? 0,
      generatedTokens: this.#tokens.length,
      queueMs: this.#admitted?.queueMs ?? now - this.#acceptedAt,
      prefillMs: this.#admitted?.prefillMs ?? 0,
      firstTokenMs: this.#firstTokenAt === undefined ? undefined : this.#firstTokenAt - this.#acceptedAt,
      decodeMs:
        this.#firstTokenAt === undefined ? 0 : this.#lastTokenAt - this.#firstTokenAt - this.#preemptedMs,
      preemptedMs: this.#preemptedMs,
      totalMs: now - this.#acceptedAt,
    }
  }
}

/** Characters of a merged piece: an event of it fits into 64 KiB beside what its socket holds, whatever they are. */
const MAX_CHARACTERS = 7000
/** Tokens of a merged piece, with 20 log probabilities each: bounded for the same reason. */
const MAX_TOKENS = 20

/** Joins neighbouring pieces: a reader that fell behind gets what it missed in few. */
function mergeText(events: (GenerationEvent | ServingError)[]): (GenerationEvent | ServingError)[] {
  const merged: (GenerationEvent | ServingError)[] = []
  for (const event of events) {
    const last = merged.at(-1)
    const joined = isPart(last) && isPart(event) && hasRoom(last) ? join(last, event) : undefined
    if (joined === undefined) merged.push(event)
    else merged[merged.length - 1] = joined
  }
  return merged
}

function hasRoom(part: OutputPart): boolean {
  if (part.type === 'call') return false
  return (
    part.text.length < MAX_CHARACTERS && (part.type !== 'text' || (part.tokens?.length ?? 0) < MAX_TOKENS)
  )
}

function isPart(event: GenerationEvent | ServingError | undefined): event is OutputPart {
  if (event === undefined || event instanceof ServingError) return false
  return event.type !== 'end' && event.type !== 'prompt' && event.type !== 'paused'
}
