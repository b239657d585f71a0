import { setPriority } from 'node:os'
import { Template } from '@huggingface/jinja'
import { type LlamaVocabulary, openVocabulary } from '../engine/llama/vocabulary.ts'
import type { Constraint } from '../grammar/compile-grammar.ts'
import { GrammarError } from '../grammar/gbnf/grammar-error.ts'
import { TextCache } from '../grammar/gbnf/text-cache.ts'
import { compileLoosely } from '../grammar/loose-calls.ts'
import { serveChild } from '../process/child-channel.ts'
import type {
  TextAnswer,
  TextCall,
  TextInit,
  TextReady,
  TextRequest,
  TextResponse,
} from '../protocol/text-messages.ts'
import { chatAbilities } from '../text/template/chat-abilities.ts'
import {
  type ChatInput,
  renderChat,
  TemplateError,
  type TemplateOptions,
} from '../text/template/chat-template.ts'
import { ControlTokenGuard } from '../text/template/control-tokens.ts'
import { chatWithToolsDescribed, type DescribedIn } from '../text/template/described-tools.ts'
import { keepParsed } from '../text/template/parsed-template.ts'
import { plainTemplate } from '../text/template/plain-template.ts'
import { toolFormatNamed } from '../text/tool-formats/formats.ts'
import { plainJson } from '../text/tool-formats/plain-json.ts'
import { PeriodicGc } from './periodic-gc.ts'

type TokensAnswer = Extract<TextAnswer, { type: 'tokens' }>

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
  const callId = toolFormatNamed(chat.toolFormat)?.callId
  const options: TemplateOptions = {
    template,
    ...(callId && { callId }),
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
  const answer = (call: TextCall, most?: number): TextAnswer => {
    if (call.type === 'grammar') return compile(call)
    if (call.type === 'tokenize') {
      const tokens = vocabulary.tokenize(call.text, false)
      return answerOf(call.bare ? tokens : withBos([tokens]), most)
    }
    if (call.type === 'markup') return answerOf(vocabulary.tokenize(call.text, true), most)
    if (call.type === 'infill') return answerOf(withBos(infill(call, vocabulary)), most)
    const started = performance.now()
    const pieces = render(call)
    const templateMs = performance.now() - started
    const tokens = withBos(pieces.map((piece) => vocabulary.tokenize(piece, true)))
    // A prompt of too many tokens is of no use as a text, either.
    const rendered = most === undefined || tokens.length <= most ? { rendered: pieces.join('') } : {}
    return { ...answerOf(tokens, most), ...rendered, templateMs }
  }
  return {
    ready: {
      vocabulary: vocabulary.vocabulary,
      model: { ...vocabulary.model, chatTemplate: template, chat },
    },
    onMessage: ({ call, body, most }) => {
      const before = process.cpuUsage()
      const answered = safely(() => answer(body, most))
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

/** The tokens, or only their count where there are more than `most`. */
function answerOf(tokens: Uint32Array, most = Number.POSITIVE_INFINITY): TokensAnswer {
  const { length: count } = tokens
  return { type: 'tokens', tokens: count > most ? new Uint32Array() : tokens, count }
}

/** Compiles constraints, and caches the grammars; a refusal is found anew each time. */
function grammarCompiler(): (constraint: Constraint) => TextAnswer {
  const cache = new TextCache(GRAMMAR_CACHE)
  return ({ kind, source, calls, thought, lead }) => {
    const key = `${kind} ${JSON.stringify([calls, thought, lead])} ${source}`
    const known = cache.get(key)
    if (known !== undefined) return { type: 'grammar', gbnf: known }
    try {
      const gbnf = compileLoosely({ kind, source, calls, thought, lead })
      cache.set(key, gbnf)
      return { type: 'grammar', gbnf }
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
