import type { GenerationRecord } from './generation.ts'

/** A part of a request's way. Times are milliseconds of performance.now(). */
export interface TracedPart {
  readonly name: 'template' | 'tokenize' | 'compile' | 'queue' | 'prefill' | 'decode'
  readonly start: number
  readonly end: number
}

/** Outcome of a generation of the request. */
export interface TracedGeneration {
  readonly record: GenerationRecord
  /** Milliseconds of performance.now(). */
  readonly overAt: number
}

/** One request's way through the server, for logs and traces: times, counts and names; never a word of what was asked or answered. */
export class RequestTrace {
  readonly id: string
  readonly startedAt = performance.now()
  readonly parts: TracedPart[] = []
  readonly generations: TracedGeneration[] = []
  /** Engines that it has lost. */
  restarts = 0
  /** Times that a generation of it had to give up its slot. */
  preemptions = 0

  constructor(id: string) {
    this.id = id
  }

  add(name: TracedPart['name'], start: number, end = performance.now()): void {
    this.parts.push({ name, start, end })
  }

  /** Adds a generation that is over, with its parts. */
  generated(record: GenerationRecord): void {
    const overAt = performance.now()
    const { totalMs, queueMs, prefillMs, decodeMs, preemptedMs, firstTokenMs } = record.timings
    const start = overAt - totalMs
    this.generations.push({ record, overAt })
    this.add('queue', start, start + queueMs)
    if (firstTokenMs === undefined) return
    this.add('prefill', start + queueMs, start + queueMs + prefillMs)
    this.add('decode', start + firstTokenMs, start + firstTokenMs + decodeMs + preemptedMs)
  }
}

const traces = new WeakMap<AbortSignal, RequestTrace>()

/** Attaches a trace to the abort signal of its client, which all work for the request is given. */
export function bindTrace(signal: AbortSignal, trace: RequestTrace): void {
  traces.set(signal, trace)
}

export function traceOf(signal: AbortSignal | undefined): RequestTrace | undefined {
  return signal && traces.get(signal)
}
