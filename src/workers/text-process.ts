import { setPriority } from 'node:os'
import { Template } from '@huggingface/jinja'
import { type LlamaVocabulary, openVocabulary } from '../engine/llama/vocabulary.ts'
import { afterThought, type Constraint } from '../grammar/compile-grammar.ts'
import { GrammarError } from '../grammar/gbnf/grammar-error.ts'
import { TextCache } from '../grammar/gbnf/text-cache.ts'
import { type CompiledConstraint, compileLoosely } from '../grammar/loose-calls.ts'
import { serveChild } from '../process/child-channel.ts'
import type {
  Preparation,
  PromptAnswer,
  PromptCall,
  TextAnswer,
  TextInit,
  TextReady,
  TextRequest,
  TextResponse,
} from '../protocol/text-messages.ts'
import { endsInThought } from '../text/scan/reasoning.ts'
import { beginsInThought, type ChatInput, TemplateError } from '../text/template/chat-template.ts'
import { ControlTokenGuard } from '../text/template/control-tokens.ts'
import { ModelTemplate } from '../text/template/model-template.ts'
import { keepParsed } from '../text/template/parsed-template.ts'
import { plainTemplate } from '../text/template/plain-template.ts'
import { PeriodicGc } from './periodic-gc.ts'

/** Characters of compiled grammars, with their sources, that are kept. */
const GRAMMAR_CACHE = 8_000_000

serveChild<TextInit, TextRequest, TextReady, TextResponse>(async (init, channel) => {
  setPriority(init.niceness ?? 0)
  const vocabulary = await openVocabulary(init.modelPath)
  const given = init.chatTemplate?.source ?? vocabulary.chatTemplate
  const { source, turnEnds } =
    given === undefined ? plainTemplate(vocabulary.controlTexts) : { source: given, turnEnds: [] }
  const template = modelTemplate(source, init.chatTemplate?.kwargs, vocabulary)
  const withBos = (pieces: readonly Uint32Array[]): Uint32Array => {
    const first = pieces.find(({ length }) => length > 0)?.[0]
    const begins = !vocabulary.addsBos || first === vocabulary.bosToken
    return joined(begins ? pieces : [Uint32Array.of(vocabulary.bosToken), ...pieces])
  }
  const compile = grammarCompiler()
  const gc = new PeriodicGc()
  const read = (call: PromptCall, most?: number): PromptAnswer => {
    if (call.type === 'chat') {
      const started = performance.now()
      const pieces = render(template, call)
      const templateMs = performance.now() - started
      const tokens = withBos(pieces.map((piece) => vocabulary.tokenize(piece, true)))
      const characters = pieces.reduce((sum, { length }) => sum + length, 0)
      const answer = promptAnswer(tokens, characters, most)
      // Where only the number of tokens is of use, as in counts, the text is not put together.
      const { reasoning } = template.abilities
      const isRead = reasoning !== undefined && answer.tokens.length > 0
      const text = isRead || call.withText ? pieces.join('') : ''
      const inThought =
        isRead &&
        (call.begun === undefined
          ? endsInThought(text, reasoning)
          : beginsInThought(call.begun, text, reasoning))
      return { ...answer, inThought, templateMs, ...(call.withText && { text }) }
    }
    if (call.type === 'infill') {
      const { prefix, suffix, context = '' } = call
      const characters = prefix.length + suffix.length + context.length
      return promptAnswer(withBos(infill(call, vocabulary)), characters, most)
    }
    if (call.type === 'mixed') {
      const pieces = call.parts.map((part) =>
        typeof part === 'string' ? vocabulary.tokenize(part, false) : part,
      )
      // Ids have no characters to learn from.
      return promptAnswer(withBos(pieces), 0, most)
    }
    const tokens = vocabulary.tokenize(call.text, false)
    return promptAnswer(call.bare ? tokens : withBos([tokens]), call.text.length, most)
  }
  const prepare = (wanted: Preparation, most = Number.POSITIVE_INFINITY): TextAnswer => {
    const { constraint, openThought, thoughtEnding, prediction } = wanted
    const prompts = wanted.prompts.map((prompt) => read(prompt, most))
    // Nothing will be generated: the gateway says why.
    if (prompts.some(({ count }) => count > most)) return { type: 'prepared', prompts }
    const started = performance.now()
    const held =
      openThought && prompts[0]?.inThought && constraint ? afterThought(constraint, openThought) : constraint
    const compiled = held && compile(held)
    if (compiled !== undefined && 'path' in compiled) return compiled
    return {
      type: 'prepared',
      prompts,
      grammar: compiled?.gbnf,
      changed: compiled?.changed,
      compileMs: performance.now() - started,
      thoughtEnding: thoughtEnding === undefined ? undefined : vocabulary.tokenize(thoughtEnding, true),
      prediction: prediction === undefined ? undefined : vocabulary.tokenize(prediction, false),
    }
  }
  return {
    ready: {
      vocabulary: vocabulary.vocabulary,
      model: { ...vocabulary.model, chatTemplate: source, turnEnds, chat: template.abilities },
    },
    onMessage: ({ call, body, most }) => {
      const before = process.cpuUsage()
      const answered = safely(() => (body.type === 'prepare' ? prepare(body, most) : read(body, most)))
      const { user, system } = process.cpuUsage(before)
      channel.send({ call, body: answered, cpuMs: (user + system) / 1000 })
      channel.progress()
      gc.onCall()
    },
    close: () => vocabulary.close(),
  }
})

function modelTemplate(
  source: string,
  kwargs: Readonly<Record<string, unknown>> | undefined,
  vocabulary: LlamaVocabulary,
): ModelTemplate {
  const { bos, eos, controlTexts, markupTexts } = vocabulary
  const control = vocabulary.vocabulary.control.map(
    (token, index) => [token, controlTexts[index] ?? ''] as const,
  )
  const options = {
    template: source,
    bos,
    eos,
    ...(kwargs && { kwargs }),
    guard: new ControlTokenGuard(controlTexts),
    strictGuard: new ControlTokenGuard([...controlTexts, ...markupTexts]),
    renderers: [vocabulary.renderJinja, keepParsed((template) => new Template(template))],
  }
  return new ModelTemplate(options, control)
}

/** @throws TextFailure with whose fault it is when the chat cannot be rendered. */
function render(template: ModelTemplate, chat: ChatInput): string[] {
  if (template.fault !== undefined) throw new TextFailure('template_unusable', template.fault)
  try {
    return template.render(chat)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw new TextFailure('template_error', error.message, template.refusal(chat, error))
  }
}

/** Tokens of a text whose middle is to be generated: prefix, suffix, then the middle, as in llama-server. */
function infill(
  { prefix, suffix, context = '' }: Extract<PromptCall, { type: 'infill' }>,
  vocabulary: LlamaVocabulary,
): Uint32Array[] {
  const { infill: marks, tokenize } = vocabulary
  if (marks === undefined) throw new Error('this model has no tokens for filling in the middle')
  const [before, after] = [tokenize(prefix, false), tokenize(suffix, false)]
  return [
    tokenize(context, false),
    Uint32Array.of(marks.prefix),
    before,
    Uint32Array.of(marks.suffix),
    after,
    Uint32Array.of(marks.middle),
  ]
}

function joined(pieces: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** Tokens, or only how many they are where that is more than is of use. */
function promptAnswer(
  tokens: Uint32Array,
  characters: number,
  most = Number.POSITIVE_INFINITY,
): PromptAnswer {
  const { length: count } = tokens
  const used = count > most ? new Uint32Array() : tokens
  return { type: 'tokens', tokens: used, count, characters, inThought: false }
}

type Refusal = Extract<TextAnswer, { type: 'refused' }>

/** Compiles constraints to GBNF, and remembers what came of them; a refusal is found again. */
function grammarCompiler(): (constraint: Constraint) => CompiledConstraint | Refusal {
  const cache = new TextCache(GRAMMAR_CACHE)
  return ({ kind, source, calls, thought, lead }) => {
    const key = `${kind} ${JSON.stringify([calls, thought, lead])} ${source}`
    const known = cache.get(key)
    if (known !== undefined) return fromText(known)
    try {
      const compiled = compileLoosely({ kind, source, calls, thought, lead })
      cache.set(key, toText(compiled))
      return compiled
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      return { type: 'refused', path: error.path, message: error.message }
    }
  }
}

/** A compiled constraint as one text: the paths in a line, then the grammar. */
function toText({ gbnf, changed }: CompiledConstraint): string {
  return `${JSON.stringify(changed)}\n${gbnf}`
}

function fromText(text: string): CompiledConstraint {
  const end = text.indexOf('\n')
  return { gbnf: text.slice(end + 1), changed: JSON.parse(text.slice(0, end)) }
}

type FailedAnswer = Extract<TextAnswer, { type: 'error' }>

/** A failure with an answer of its own. */
class TextFailure extends Error {
  override readonly name = 'TextFailure'
  readonly code: FailedAnswer['code']
  readonly refusal: FailedAnswer['refusal']

  constructor(code: FailedAnswer['code'], message: string, refusal?: FailedAnswer['refusal']) {
    super(message)
    this.code = code
    this.refusal = refusal
  }
}

function safely(work: () => TextAnswer): TextAnswer {
  try {
    return work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (!(error instanceof TextFailure)) return { type: 'error', code: 'failed', message }
    return { type: 'error', code: error.code, message, refusal: error.refusal }
  }
}
