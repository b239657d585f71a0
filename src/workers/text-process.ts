import { setPriority } from 'node:os'
import { Template } from '@huggingface/jinja'
import { type LlamaVocabulary, openVocabulary } from '../engine/llama/vocabulary.ts'
import { afterThought, type Constraint } from '../grammar/compile-grammar.ts'
import { GrammarError } from '../grammar/gbnf/grammar-error.ts'
import { TextCache } from '../grammar/gbnf/text-cache.ts'
import { compileLoosely } from '../grammar/loose-calls.ts'
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
import { chatAbilities, namesIn } from '../text/template/chat-abilities.ts'
import {
  type ChatInput,
  renderChat,
  TemplateError,
  type TemplateOptions,
} from '../text/template/chat-template.ts'
import { ControlTokenGuard } from '../text/template/control-tokens.ts'
import { chatWithToolsDescribed, type DescribedIn } from '../text/template/described-tools.ts'
import { inOwnWords } from '../text/template/own-words.ts'
import { keepParsed } from '../text/template/parsed-template.ts'
import { plainTemplate } from '../text/template/plain-template.ts'
import { toolFormatNamed } from '../text/tool-formats/formats.ts'
import { plainJson } from '../text/tool-formats/plain-json.ts'
import { PeriodicGc } from './periodic-gc.ts'

/** Characters of compiled grammars, with their sources, that are kept. */
const GRAMMAR_CACHE = 8_000_000

serveChild<TextInit, TextRequest, TextReady, TextResponse>(async ({ modelPath, niceness = 0 }, channel) => {
  setPriority(niceness)
  const vocabulary = await openVocabulary(modelPath)
  const { bos, eos, controlTexts, markupTexts, chatTemplate } = vocabulary
  const template = chatTemplate ?? plainTemplate(controlTexts)
  const chat = chatAbilities(
    template,
    vocabulary.vocabulary.control.map((token, index) => [token, controlTexts[index] ?? '']),
  )
  const { callId, argument } = toolFormatNamed(chat.toolFormat) ?? plainJson
  const options: TemplateOptions = {
    template,
    ...(callId && { callId }),
    ...(argument && { argument }),
    ownWords: inOwnWords(template, namesIn(template)),
    bos,
    eos,
    guard: new ControlTokenGuard(controlTexts),
    strictGuard: new ControlTokenGuard([...controlTexts, ...markupTexts]),
    renderers: [vocabulary.renderJinja, keepParsed((template) => new Template(template))],
  }
  const render = (call: ChatInput): string[] =>
    chat.toolFormat === plainJson.name ? renderDescribed(call, options) : renderChat(call, options)
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
      const pieces = render(call)
      const templateMs = performance.now() - started
      const tokens = withBos(pieces.map((piece) => vocabulary.tokenize(piece, true)))
      const characters = pieces.reduce((sum, { length }) => sum + length, 0)
      const answer = promptAnswer(tokens, characters, most)
      // Where only the number of tokens is of use, as in counts, the text is not put together.
      const isRead = chat.reasoning !== undefined && answer.tokens.length > 0
      const inThought = isRead && endsInThought(pieces.join(''), chat.reasoning)
      return { ...answer, inThought, templateMs }
    }
    if (call.type === 'infill')
      return promptAnswer(withBos(infill(call, vocabulary)), call.prefix.length + call.suffix.length, most)
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
    if (typeof compiled === 'object') return compiled
    return {
      type: 'prepared',
      prompts,
      grammar: compiled,
      compileMs: performance.now() - started,
      thoughtEnding: thoughtEnding === undefined ? undefined : vocabulary.tokenize(thoughtEnding, true),
      prediction: prediction === undefined ? undefined : vocabulary.tokenize(prediction, false),
    }
  }
  return {
    ready: {
      vocabulary: vocabulary.vocabulary,
      model: { ...vocabulary.model, chatTemplate: template, chat },
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

/** Renders a chat by a template that takes no tools, and perhaps no system message. */
function renderDescribed(chat: ChatInput, options: TemplateOptions): string[] {
  const { messages, tools } = chat
  const as = (where: DescribedIn): string[] =>
    renderChat({ ...chat, tools: [], messages: chatWithToolsDescribed(messages, tools, where) }, options)
  if (tools.length === 0 || messages[0]?.role === 'system') return as('system')
  try {
    return as('system')
  } catch (error) {
    if (error instanceof TemplateError) return as('user')
    throw error
  }
}

/** Tokens of a text whose middle is to be generated: prefix, suffix, then the middle, as in llama-server. */
function infill(
  { prefix, suffix }: { prefix: string; suffix: string },
  vocabulary: LlamaVocabulary,
): Uint32Array[] {
  const { infill: marks, tokenize } = vocabulary
  if (marks === undefined) throw new Error('this model has no tokens for filling in the middle')
  const [before, after] = [tokenize(prefix, false), tokenize(suffix, false)]
  return [
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
function grammarCompiler(): (constraint: Constraint) => string | Refusal {
  const cache = new TextCache(GRAMMAR_CACHE)
  return ({ kind, source, calls, thought, lead }) => {
    const key = `${kind} ${JSON.stringify([calls, thought, lead])} ${source}`
    const known = cache.get(key)
    if (known !== undefined) return known
    try {
      const gbnf = compileLoosely({ kind, source, calls, thought, lead })
      cache.set(key, gbnf)
      return gbnf
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      return { type: 'refused', path: error.path, message: error.message }
    }
  }
}

function safely(work: () => TextAnswer): TextAnswer {
  try {
    return work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { type: 'error', code: error instanceof TemplateError ? 'template_error' : 'failed', message }
  }
}
