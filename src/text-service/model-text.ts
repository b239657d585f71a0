import { modelLoading, quoted, ServingError } from '../base/errors.ts'
import { roomBehind } from '../generation/fit.ts'
import { traceOf } from '../generation/request-trace.ts'
import type { Constraint } from '../grammar/compile-grammar.ts'
import type {
  Preparation,
  Prepared,
  PromptAnswer,
  PromptCall,
  TextAnswer,
  TextTokens,
  TextTurn,
} from '../protocol/text-messages.ts'
import { charactersOf } from '../text/text-sample.ts'
import type { TextClient } from './text-client.ts'
import { TokenEstimator } from './token-estimator.ts'

/** A machine that has had no time for seconds will hardly have it in one. */
const STARVED_RETRY_MS = 5000

/**
 * Characters from which a text that is sure to be too long is refused before it is tokenized, with the fewest tokens that it can
 * have instead of their count: for a generation, and where only tokens were asked for.
 */
const HUGE_PROMPT = 200_000
const HUGE_TEXT = 1_000_000

/** Characters from which a text counts for the average: a short prompt is mostly template. */
const MIN_MEASURED = 200

/** Bytes of the longest token, by the offsets of a vocabulary. */
const longestTokens = new WeakMap<Uint32Array, number>()

/** The text process as requests use it: prompts to tokens, constraints to grammars. */
export class ModelText {
  readonly #client: () => TextClient | undefined
  readonly #contextSize: () => number | undefined
  readonly #estimator = new TokenEstimator()
  #charactersPerToken = 4

  constructor(client: () => TextClient | undefined, contextSize: () => number | undefined) {
    this.#client = client
    this.#contextSize = contextSize
  }

  /** Opens the estimator: estimates are then by a text's content, not only by its length. */
  async openEstimator(): Promise<void> {
    const vocabulary = this.#client()?.child.ready?.vocabulary
    if (vocabulary !== undefined) await this.#estimator.open(vocabulary)
  }

  /** Estimated tokens of the texts together; without the estimator by the characters per token of recent prompts. */
  async estimateTokens(texts: readonly string[]): Promise<number> {
    return (
      (await this.#estimator.estimate(texts)) ?? Math.ceil(charactersOf(texts) / this.#charactersPerToken)
    )
  }

  async close(): Promise<void> {
    await this.#estimator.close()
  }

  #learn({ characters, count }: PromptAnswer): void {
    if (characters < MIN_MEASURED || count === 0) return
    this.#charactersPerToken += 0.1 * (characters / count - this.#charactersPerToken)
  }

  /** Refuses a text that cannot fit whatever its tokens are, to save seconds of the tokenizer's time. */
  #refuseHuge(call: PromptCall, bulk = false): void {
    const contextSize = this.#contextSize()
    const length = textLength(call)
    if (contextSize === undefined || length < (bulk ? HUGE_TEXT : HUGE_PROMPT)) return
    const longest = this.#longestToken()
    if (length <= contextSize * longest) return
    const least = Math.ceil(length / longest)
    roomBehind(least, contextSize, call.type === 'chat' ? 'messages' : 'prompt', false, 'at least ')
  }

  #longestToken(): number {
    const offsets = this.#client()?.child.ready?.vocabulary.offsets
    if (offsets === undefined) return Number.POSITIVE_INFINITY
    const known = longestTokens.get(offsets)
    if (known !== undefined) return known
    const longest = offsets.reduce(
      (longest, offset, index) => Math.max(longest, offset - (offsets[index - 1] ?? 0)),
      1,
    )
    longestTokens.set(offsets, longest)
    return longest
  }

  /** The tokens of a prompt. @throws ServingError when the text process refuses or fails. */
  async prompt(call: PromptCall, turn: TextTurn): Promise<TextTokens> {
    this.#refuseHuge(call, turn.bulk)
    const started = performance.now()
    const answer = await this.#ready().call(call, turn)
    if (answer.type !== 'tokens') throw failedText(answer)
    this.#learn(answer)
    tracePrompt(turn, started, performance.now(), answer.templateMs)
    return answer
  }

  /**
   * All that the generations of a request need, in one turn. Where a prompt has more tokens than are of use there is nothing but
   * the prompts. @param param the field that the constraint came from.
   * @throws ServingError naming the path of what cannot be honoured; when the text process refuses or fails.
   */
  async prepare(wanted: Preparation, param: string, turn: TextTurn): Promise<Prepared> {
    const { prompts: asked, constraint, thoughtEnding, prediction } = wanted
    if (asked.length === 0 && (constraint ?? thoughtEnding ?? prediction) === undefined)
      return { type: 'prepared', prompts: [] }
    for (const call of asked) this.#refuseHuge(call, turn.bulk)
    const started = performance.now()
    const answer = await this.#ready().call({ type: 'prepare', ...wanted }, turn)
    if (answer.type === 'refused' && constraint) throw refusedConstraint(constraint, param, answer)
    if (answer.type !== 'prepared') throw failedText(answer)
    const over = performance.now()
    const { prompts, grammar, compileMs = 0 } = answer
    const compiling = Math.max(started, over - compileMs)
    if (prompts.length > 0) tracePrompt(turn, started, compiling, prompts[0]?.templateMs)
    if (grammar !== undefined) traceOf(turn.signal)?.add('compile', compiling, over)
    for (const prompt of prompts) this.#learn(prompt)
    return { ...answer, changed: answer.changed?.map((path) => pathFrom(param, path)) }
  }

  #ready(): TextClient {
    const client = this.#client()
    if (client === undefined) throw modelLoading('the model is loading')
    return client
  }
}

/** Adds the prompts of a request to its trace, once for all of them: rendered, then tokenized. Waiting for the turn counts as the first. */
function tracePrompt(
  { signal }: TextTurn,
  started: number,
  over: number,
  templateMs: number | undefined,
): void {
  const trace = traceOf(signal)
  const rendered = Math.min(over, started + (templateMs ?? 0))
  if (templateMs !== undefined) trace?.add('template', started, rendered)
  trace?.add('tokenize', rendered, over)
}

/** Error for an answer that has no tokens. A failure that is not the request's fault can be retried. */
function failedText(answer: TextAnswer): ServingError {
  const message = 'The text of your request could not be read'
  if (answer.type !== 'error') {
    return new ServingError('internal_error', message, { cause: new Error('an answer of the wrong type') })
  }
  const cause = new Error(answer.message)
  if (answer.code === 'not_ready') return modelLoading(answer.message)
  if (answer.code === 'template_error')
    return new ServingError('template_error', refusedBy(answer.refusal), { param: 'messages', cause })
  if (answer.code === 'template_unusable') {
    const unusable = "This server cannot chat with its model: the model's chat template cannot be rendered"
    return new ServingError('template_unusable', `${unusable} (${oneLine(answer.message)}).`, { cause })
  }
  if (answer.code === 'costly') {
    const costly = 'Reading the prompt or the schema of this request takes more CPU than one request may use'
    return new ServingError('request_too_complex', costly, { cause })
  }
  if (answer.code === 'busy') {
    const full = 'The server is at capacity: too many texts wait to be read before yours. Please retry later'
    return new ServingError('server_overloaded', full, { retryAfterMs: answer.retryAfterMs ?? 1000, cause })
  }
  if (answer.code !== 'starved') return new ServingError('internal_error', message, { cause })
  const busy = 'The server is at capacity: it has too little CPU to read your request. Please retry later'
  return new ServingError('server_overloaded', busy, { retryAfterMs: STARVED_RETRY_MS, cause })
}

/** Path in the request of a part of a constraint. A path in the tools is so beside whatever else constrains the output. */
function pathFrom(given: string, path: string): string {
  if (isOfTool(path)) return `tools${path}`
  return path === '' ? given : `${given}.${path}`
}

function isOfTool(path: string): boolean {
  return path.startsWith('[')
}

/** Why a template refuses messages. What it says is its author's, and may hold what a client wrote. */
function refusedBy(refusal: { said: string; at: number | undefined } | undefined): string {
  const refused = "The model's chat template does not take these messages"
  if (refusal === undefined) return refused
  const { said, at } = refusal
  const place = at === undefined ? '' : `, from message ${at + 1} on`
  return `${refused}${place}: ${oneLine(said)}`
}

/** A text of another's for a message of ours: in one line, without what cannot be seen, and not long. */
function oneLine(text: string): string {
  const line = text
    .slice(0, 1000)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

function refusedConstraint(
  { kind }: Constraint,
  given: string,
  { path, message }: { readonly path: string; readonly message: string },
): ServingError {
  const ofTool = isOfTool(path)
  const at = pathFrom(given, path)
  const ofSchema = ofTool || kind === 'json_schema' || kind === 'calls'
  const code = ofSchema ? 'invalid_json_schema' : 'invalid_grammar'
  const subject = ofSchema ? `Invalid schema at ${quoted(at)}` : `Invalid ${quoted(at)}`
  return new ServingError(code, `${subject}: ${message}.`, { param: at.slice(0, 256) })
}

/** Characters that are certain to be in the prompt. */
function textLength(call: PromptCall): number {
  if (call.type === 'tokenize') return call.text.length
  if (call.type === 'infill') return call.prefix.length + call.suffix.length + (call.context ?? '').length
  if (call.type === 'mixed')
    return call.parts.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0)
  const begun = call.begun?.content.length ?? 0
  return call.messages.reduce((sum, message) => sum + message.content.length, begun)
}
