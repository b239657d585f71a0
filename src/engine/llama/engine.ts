import { readGgufHeader } from '../../models/gguf/gguf.ts'
import { type Metadata, vocabularySize } from '../../models/gguf/gguf-metadata.ts'
import {
  type AdapterHost,
  type BatchEntry,
  type Engine,
  type EngineLimits,
  rowsOf,
  type Sampled,
  type SamplingParams,
  type Scoring,
  type SlotStorage,
  type StepResult,
} from '../../protocol/engine.ts'
import type { TokenLogprob } from '../../text/token-logprob.ts'
import { LlamaAdapters } from './adapters.ts'
import {
  type Addon,
  type AddonContext,
  type AddonModel,
  loadModel,
  type NativeContext,
  type NativeSampler,
  openAddon,
} from './addon.ts'
import { drawWithin, GrammarCache, type GrammarPosition } from './grammar.ts'
import { LogprobReader } from './logprobs.ts'
import { probeNative } from './native.ts'
import { configureSampler } from './sampler.ts'
import { Utf8Guard } from './utf8-guard.ts'

export interface LlamaOptions {
  readonly modelPath: string
  readonly slots: number
  readonly contextSize: number
  readonly batchTokens: number
  /** Threads of a pass with prompts, and the most of any pass. */
  readonly threads: number
  /** Threads of a pass of so many rows, none of them of a prompt. Default: `threads`. */
  readonly streamThreads?: (rows: number) => number
  /** 0: llama.cpp does not look for a GPU. More than there are: all. */
  readonly gpuLayers: number
  /** Backend that findGpu() found. Default: the best available. */
  readonly gpuBackend?: string | undefined
  /** llama.cpp: a ggml type name. */
  readonly kvCacheType: string
  readonly flashAttention?: 'auto' | 'on' | 'off'
  /** Whether slots are cut for prompts that begin like their content. Default true. */
  readonly prefixCache?: boolean
  /** Whether the thread pool does one thing after the other. Default: whether UV_THREADPOOL_SIZE is 1. */
  readonly inOrder?: boolean
  /** Wraps the native context, so that a test can observe the calls. */
  readonly watch?: (context: NativeContext) => NativeContext
}

export interface LlamaEngineInfo {
  readonly modelBytes: number
  readonly parameters: number
  /** False for models whose memory cannot be cut at any token: recurrent and hybrid ones. */
  readonly prefixReuse: boolean
  /** False where a slot's file lacks a part of it: layers with a sliding window are saved without the cells behind the window. */
  readonly parking: boolean
}

/** ggml: GGML_FA_TILE_Q. A GPU's tiles are smaller, and as many rows fill them too. */
const ATTENTION_TILE = 64

/** A slot of the KV cache, and the sampler of the sequence it belongs to. */
interface Slot {
  resident: number
  owner: string | undefined
  /** Tokens of the owner that its sampler and grammar have seen. */
  seen: number
  sampler: NativeSampler | undefined
  grammar: GrammarPosition | undefined
}

/** Loads a GGUF into an engine. */
export async function openLlama(
  options: LlamaOptions,
): Promise<{ engine: LlamaEngine; info: LlamaEngineInfo }> {
  const { modelPath, slots, contextSize, batchTokens, gpuLayers, gpuBackend = 'auto' } = options
  const { metadata } = await readGgufHeader(modelPath)
  const addon = await openAddon(gpuLayers === 0 ? false : gpuBackend)
  const model = await loadModel(addon, modelPath, { gpuLayers })
  const context = await createContext(addon, model, options)
  const native = probeNative(addon, model, context)
  await warmUp(native.context)
  const vocabulary = vocabularySize(metadata) ?? 0
  const limits = {
    slots,
    contextSize,
    batchTokens,
    ...(options.flashAttention === 'off' ? {} : { tile: ATTENTION_TILE }),
  }
  const close = async (): Promise<void> => {
    await context.dispose()
    await model.dispose()
    await addon.dispose()
  }
  const watched = options.watch?.(native.context) ?? native.context
  return {
    engine: new LlamaEngine({
      limits,
      context: watched,
      newSampler: native.newSampler,
      grammars: new GrammarCache(native.newGrammar),
      logprobs: new LogprobReader(native),
      adapters: new LlamaAdapters(watched, native.loadAdapter),
      utf8: new Utf8Guard(vocabulary, native.textOf, native.bytesOf),
      vocabulary,
      threads: options.threads,
      streamThreads: options.streamThreads ?? (() => options.threads),
      inOrder: options.inOrder ?? process.env['UV_THREADPOOL_SIZE'] === '1',
      close,
    }),
    info: {
      modelBytes: model.getModelSize(),
      parameters: model.getTotalParameters(),
      prefixReuse: canCut(addon, architectureOf(metadata)),
      parking: !hasWindow(metadata),
    },
  }
}

/** Multiple of cells that a context of llama.cpp has. */
const CELLS = 256

/** Makes one context for all slots. @throws Error when there is no memory for it: a smaller one would be a surprise later. */
async function createContext(addon: Addon, model: AddonModel, options: LlamaOptions): Promise<AddonContext> {
  const { slots, contextSize, batchTokens, threads, kvCacheType, flashAttention = 'auto' } = options
  // Layers with a sliding window keep all they have seen: what is behind the window is there when a slot is cut.
  const swaFullCache = options.prefixCache !== false
  const type = addon.getGgmlType(kvCacheType.toUpperCase())
  if (type === undefined) throw new Error(`llama.cpp has no type ${kvCacheType}`)
  const context = new addon.AddonContext(model, {
    contextSize: slots * CELLS * Math.ceil(contextSize / CELLS),
    // node-llama-cpp: one more where a window's cells are given back.
    batchSize: Math.max(batchTokens, slots) + (swaFullCache ? 0 : 1),
    sequences: slots,
    threads,
    flashAttention: flashAttention === 'auto' ? 'auto' : flashAttention === 'on',
    kvCacheKeyType: type,
    kvCacheValueType: type,
    swaFullCache,
  })
  if (!(await context.init())) throw new Error('llama.cpp cannot make a context of this size')
  return context
}

/** Runs one pass before the first request: it loads the kernels, and a GPU that cannot run them ends the process now. */
async function warmUp(context: NativeContext): Promise<void> {
  context.initBatch(1)
  context.addToBatch(0, 0, Uint32Array.of(0), Uint32Array.of(0))
  await context.decodeBatch()
  context.disposeSequence(0)
}

/** Parts of an engine. */
export interface EngineParts {
  readonly limits: EngineLimits
  readonly context: NativeContext
  readonly newSampler: () => NativeSampler
  readonly grammars: GrammarCache
  readonly logprobs: LogprobReader
  readonly adapters: LlamaAdapters
  readonly utf8: Utf8Guard
  /** Number of the model's tokens. */
  readonly vocabulary: number
  readonly threads: number
  readonly streamThreads: (rows: number) => number
  /** Whether calls of the context are done one after the other, in the order of the calls: draws are queued behind their pass. */
  readonly inOrder: boolean
  close(): Promise<void>
}

export class LlamaEngine implements Engine, SlotStorage, AdapterHost {
  readonly limits: EngineLimits
  readonly #context: NativeContext
  readonly #newSampler: () => NativeSampler
  readonly #grammars: GrammarCache
  readonly #logprobs: LogprobReader
  readonly #adapters: LlamaAdapters
  readonly #utf8: Utf8Guard
  readonly #vocabulary: number
  readonly #promptThreads: number
  readonly #streamThreads: (rows: number) => number
  readonly #inOrder: boolean
  readonly #close: () => Promise<void>
  readonly #slots: Slot[]
  /** Threads of the last pass. */
  #threads: number

  constructor(parts: EngineParts) {
    this.limits = parts.limits
    this.#context = parts.context
    this.#newSampler = parts.newSampler
    this.#grammars = parts.grammars
    this.#logprobs = parts.logprobs
    this.#adapters = parts.adapters
    this.#utf8 = parts.utf8
    this.#vocabulary = parts.vocabulary
    this.#promptThreads = this.#threads = parts.threads
    this.#streamThreads = parts.streamThreads
    this.#inOrder = parts.inOrder
    this.#close = parts.close
    this.#slots = Array.from({ length: parts.limits.slots }, () => ({
      resident: 0,
      owner: undefined,
      seen: 0,
      sampler: undefined,
      grammar: undefined,
    }))
  }

  async step(batch: readonly BatchEntry[]): Promise<readonly StepResult[]> {
    const refusals = batch.map((entry) => this.#refusal(entry))
    const outcome = await this.#decode(batch.filter((_, index) => refusals[index] === undefined))
    return batch.map((entry, index) => refusals[index] ?? outcome.get(entry) ?? new Error('nothing was read'))
  }

  async save(slot: number, path: string, tokens: readonly number[]): Promise<number> {
    if (this.#slotOf(slot).resident > tokens.length) this.#cut(slot, tokens.length)
    return this.#context.saveSequenceStateToFile(path, slot, Uint32Array.from(tokens))
  }

  async load(slot: number, path: string, tokens: readonly number[]): Promise<void> {
    const held = this.#slotOf(slot)
    try {
      const found = await this.#context.loadSequenceStateFromFile(path, slot, this.limits.contextSize)
      if (found.length !== tokens.length || found.some((token, index) => token !== tokens[index])) {
        throw new Error('the file holds other tokens')
      }
      held.resident = tokens.length
    } catch (error) {
      this.#context.disposeSequence(slot)
      held.resident = 0
      throw error
    }
  }

  loadAdapter(id: string, path: string): Promise<void> {
    return this.#adapters.load(id, path)
  }

  unloadAdapter(id: string): Promise<void> {
    return this.#adapters.unload(id)
  }

  async close(): Promise<void> {
    for (const slot of this.#slots) slot.sampler?.dispose()
    this.#logprobs.dispose()
    await this.#close()
  }

  /** Why an entry cannot be computed. Checked first: llama.cpp fails a whole batch for one bad token, and crashes on others. */
  #refusal({ tokens, draft = [], start, slot, copyFrom, scoring, adapter }: BatchEntry): Error | undefined {
    if (adapter !== undefined && !this.#adapters.has(adapter))
      return new Error(`there is no adapter ${adapter}`)
    const bad = [...tokens, ...draft, ...(scoring?.following ?? [])].find(
      (token) => !Number.isInteger(token) || token < 0 || token >= this.#vocabulary,
    )
    if (bad !== undefined) return new Error(`token ${bad} is not in the vocabulary`)
    const held = this.#slots[copyFrom ?? slot]
    if (held === undefined || this.#slots[slot] === undefined)
      return new Error(`there is no slot ${copyFrom ?? slot}`)
    if (start > held.resident)
      return new Error(`slot ${copyFrom ?? slot} holds ${held.resident} tokens, not ${start}`)
    if (start + tokens.length + draft.length > this.limits.contextSize)
      return new Error('the context is full')
    return undefined
  }

  /** Runs one forward pass. When it fails, each entry is tried alone, so that only the one at fault fails. */
  async #decode(entries: readonly BatchEntry[]): Promise<Map<BatchEntry, StepResult>> {
    const outcome = new Map<BatchEntry, StepResult>()
    const [first] = entries
    if (first === undefined) return outcome
    this.#adapters.apply(first.adapter)
    try {
      const rows = await this.#fill(entries)
      this.#chooseThreads(entries)
      const pass = this.#context.decodeBatch()
      if (!this.#inOrder) await pass
      const reads = entries.map(async (entry, index) => {
        outcome.set(entry, await this.#read(entry, rows[index] ?? []))
      })
      const [passed] = await Promise.allSettled([pass, ...reads])
      if (passed.status === 'rejected') throw passed.reason
      for (const { slot, start, tokens, draft = [] } of entries) {
        this.#slotOf(slot).resident = start + tokens.length + draft.length
      }
    } catch (cause) {
      for (const { slot, start } of entries) {
        this.#cut(slot, start)
        // Tokens drawn after a pass that failed are of another pass.
        this.#slotOf(slot).owner = undefined
      }
      if (entries.length > 1) {
        for (const entry of entries)
          for (const [one, result] of await this.#decode([entry])) outcome.set(one, result)
      } else for (const entry of entries) outcome.set(entry, new Error('the forward pass failed', { cause }))
    }
    return outcome
  }

  /** Sets the threads for a pass: the addon sets llama.cpp's n_threads and n_threads_batch to one number. */
  #chooseThreads(entries: readonly BatchEntry[]): void {
    const prompts = entries.some(({ tokens }) => tokens.length > 1)
    const threads = prompts ? this.#promptThreads : this.#streamThreads(rowsOf(entries))
    if (threads !== this.#threads) this.#context.setThreads(threads)
    this.#threads = threads
  }

  /** Puts the entries in a new batch. Returns for each entry the rows that are read: first to score, then to sample from. */
  async #fill(entries: readonly BatchEntry[]): Promise<(readonly number[])[]> {
    for (const { slot, copyFrom } of entries) if (copyFrom !== undefined) await this.#copy(slot, copyFrom)
    for (const { slot, start } of entries) if (this.#slotOf(slot).resident > start) this.#cut(slot, start)
    this.#context.initBatch(rowsOf(entries))
    return entries.map(({ slot, start, tokens, draft = [], sample, scoring }) => {
      const all = Uint32Array.from([...tokens, ...draft])
      const last = tokens.length - 1
      const logits = sample === undefined ? [] : [last, ...draft.map((_, index) => last + 1 + index)]
      if (scoring !== undefined) logits.unshift(...scoring.following.keys())
      return [...this.#context.addToBatch(slot, start, all, Uint32Array.from(logits))]
    })
  }

  async #read(entry: BatchEntry, rows: readonly number[]): Promise<StepResult> {
    try {
      return await (entry.scoring ? this.#scored(entry, entry.scoring, rows) : this.#sample(entry, rows))
    } catch (cause) {
      return cause instanceof NoToken ? cause : new NoToken('no token could be sampled', { cause })
    }
  }

  /** One row after the other: a reader of log probabilities needs memory for the whole vocabulary. */
  async #scored(
    entry: BatchEntry,
    { following: known, top }: Scoring,
    rows: readonly number[],
  ): Promise<Sampled> {
    const score = async (tokens: readonly number[], from: number): Promise<TokenLogprob[]> => {
      const scores: TokenLogprob[] = []
      for (const [index, token] of tokens.entries()) {
        scores.push(await this.#logprobs.read(rows[from + index] ?? -1, token, top))
      }
      return scores
    }
    const following = await score(known, 0)
    const { tokens } = await this.#sample(entry, rows.slice(known.length))
    return { tokens, logprobs: await score(tokens, known.length), following }
  }

  /** Draws after the tokens, and on through the draft while it is right. */
  async #sample(entry: BatchEntry, rows: readonly number[]): Promise<Sampled> {
    const { slot, sample, history, draft } = entry
    const [row, ...behind] = rows
    if (sample === undefined || row === undefined) return NOTHING_SAMPLED
    const held = this.#slotOf(slot)
    this.#makeOwner(held, entry, sample)
    let last = await this.#draw(held, sample, history, row)
    const tokens = [last]
    if (draft === undefined) return { ...NOTHING_SAMPLED, tokens }
    const seen = [...history]
    for (const [index, next] of behind.entries()) {
      if (last !== draft[index]) break
      seen.push(last)
      last = await this.#draw(held, sample, seen, next)
      tokens.push(last)
    }
    return { ...NOTHING_SAMPLED, tokens }
  }

  /**
   * Gives the slot a sampler for the sequence that is new in it, or has gone on elsewhere meanwhile: in another slot, or in an
   * engine that is gone. Its grammar goes on after what has been generated.
   */
  #makeOwner(held: Slot, { id, history, promptLength }: BatchEntry, sample: SamplingParams): void {
    if (held.owner === id && held.sampler !== undefined && held.seen === history.length) return
    held.owner = undefined
    held.sampler?.dispose()
    held.sampler = this.#newSampler()
    try {
      held.grammar = this.#grammars.after(sample, history.slice(promptLength))
    } catch (cause) {
      throw new NoToken('llama.cpp does not take this grammar', { cause })
    }
    held.owner = id
    held.seen = history.length
  }

  async #draw(held: Slot, sample: SamplingParams, history: readonly number[], row: number): Promise<number> {
    const { sampler, grammar } = held
    if (sampler === undefined) throw new NoToken('there is no sampler')
    const draw = (): Promise<number> => this.#context.sampleToken(row, sampler)
    let token: number | Error
    if (grammar === undefined) {
      configureSampler(sampler, sample, history)
      token = await draw()
    } else {
      const bans = this.#utf8.bansAfter(history.at(-1) ?? 0)
      configureSampler(sampler, sample, history, { state: grammar.state, bans })
      token = await drawWithin(grammar, draw)
    }
    if (token instanceof Error) throw new NoToken(token.message, { cause: token })
    if (token < 0) throw new NoToken('no token could be sampled')
    held.seen = history.length + 1
    return token
  }

  /** Copies one slot to another: llama.cpp does so at the start of the next decode, whole slots at a time. */
  async #copy(slot: number, source: number): Promise<void> {
    await this.#context.copySequenceStateFromOtherSequence(slot, source)
    this.#slotOf(slot).resident = this.#slotOf(source).resident
  }

  #cut(slot: number, start: number): void {
    if (!this.#context.removeTokenCellsFromSequence(slot, start, -1) && start > 0) {
      throw new Error(`slot ${slot} cannot be cut at ${start}: this model needs --no-prefix-cache`)
    }
    const held = this.#slotOf(slot)
    held.resident = Math.min(held.resident, start)
  }

  #slotOf(index: number): Slot {
    const slot = this.#slots[index]
    if (slot === undefined) throw new RangeError(`there is no slot ${index}`)
    return slot
  }
}

/** Why an entry got no token, in words for the client whose request it is. */
class NoToken extends Error {}

const NOTHING_SAMPLED: Sampled = { tokens: [], logprobs: [], following: [] }

function canCut(addon: Addon, architecture: string): boolean {
  return addon.getIsArchRecurrent(architecture) !== true && addon.getIsArchHybrid(architecture) !== true
}

/** Architectures that have a sliding window in llama.cpp, or attend to chunks, also when the file does not say so. */
const WINDOWED = new Set(['exaone-moe', 'exaone4', 'gemma2', 'llama4', 'smallthinker'])

function hasWindow(metadata: Metadata): boolean {
  const architecture = architectureOf(metadata)
  return (
    WINDOWED.has(architecture) || Number(metadata.get(`${architecture}.attention.sliding_window`) ?? 0) > 0
  )
}

const architectureOf = (metadata: Metadata): string => String(metadata.get('general.architecture'))
