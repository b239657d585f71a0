import { readGgufHeader } from '../../models/gguf/gguf.ts'
import { type Metadata, vocabularySize } from '../../models/gguf/gguf-metadata.ts'
import type { ModelInfo, Vocabulary } from '../../protocol/text-messages.ts'
import { type Renderer, TemplateError } from '../../text/template/chat-template.ts'
import { keepParsed } from '../../text/template/parsed-template.ts'
import { type AddonModel, loadModel, openAddon } from './addon.ts'
import { CONTROL, tokenBytes, UNKNOWN, USER_DEFINED } from './token-bytes.ts'

/** A model's vocabulary without its weights: llama.cpp's own tokenizer and template engine. */
export interface LlamaVocabulary {
  readonly vocabulary: Vocabulary
  readonly model: Omit<ModelInfo, 'chat' | 'chatTemplate' | 'turnEnds'>
  readonly chatTemplate: string | undefined
  readonly bos: string
  readonly eos: string
  readonly addsBos: boolean
  readonly bosToken: number
  /** The tokens before the parts of a text whose middle is to be filled in; undefined where one is missing. */
  readonly infill: { readonly prefix: number; readonly suffix: number; readonly middle: number } | undefined
  /** Texts of control tokens, and of user-defined tokens that look like markup. */
  readonly controlTexts: readonly string[]
  readonly markupTexts: readonly string[]
  tokenize(text: string, controlTokens: boolean): Uint32Array
  /** llama.cpp: its own Jinja. */
  readonly renderJinja: Renderer
  close(): Promise<void>
}

const METHODS = [
  'tokenize',
  'detokenize',
  'getTokenString',
  'getTokenAttributes',
  'isEogToken',
  'shouldPrependBosToken',
  'tokenBos',
  'tokenEos',
  'prefixToken',
  'suffixToken',
  'middleToken',
] as const

/** Characters of what a template says that are kept: it may repeat what a client wrote. */
const MAX_SAID = 1000

const TEMPLATE = 'tokenizer.chat_template'

export async function openVocabulary(modelPath: string): Promise<LlamaVocabulary> {
  const { metadata } = await readGgufHeader(modelPath, [TEMPLATE])
  const addon = await openAddon(false)
  const native = await loadModel(addon, modelPath, { vocabOnly: true })
  const { AddonJinjaRenderer: Jinja } = addon
  for (const name of METHODS) {
    if (typeof native[name] !== 'function')
      throw new Error(`node-llama-cpp has no model.${name}: Altiplano needs 3.22.1`)
  }
  const text = (key: string): string => String(metadata.get(key) ?? '')
  const markup: string[] = []
  const controls: string[] = []
  const vocabulary = readVocabulary(native, vocabularySize(metadata) ?? 0, controls, markup)
  const architecture = text('general.architecture')
  const chatTemplate = text(TEMPLATE) || undefined
  const [bosToken, eosToken] = [native.tokenBos(), native.tokenEos()]
  const infill = infillOf(native)
  const addsBos = bosToken !== -1 && native.shouldPrependBosToken()
  const textOf = (token: unknown): string | undefined =>
    typeof token === 'number' && token >= 0 && token < vocabulary.size
      ? native.getTokenString(token)
      : undefined
  const specialTokens = {
    bos: textOf(bosToken),
    eos: textOf(eosToken),
    pad: textOf(metadata.get('tokenizer.ggml.padding_token_id')),
    unknown: textOf(metadata.get('tokenizer.ggml.unknown_token_id')),
    addsBos,
  }
  return {
    vocabulary,
    model: {
      name: text('general.name'),
      architecture,
      // llama.cpp knows no hyperparameters of a model that it loads for its vocabulary only.
      trainedContext: Number(metadata.get(`${architecture}.context_length`) ?? 0),
      infill: infill !== undefined,
      specialTokens,
      sampling: samplingOf(metadata),
    },
    chatTemplate,
    bos: specialTokens.bos ?? '',
    eos: specialTokens.eos ?? '',
    addsBos,
    bosToken,
    infill,
    controlTexts: controls,
    markupTexts: markup,
    tokenize: (text, controlTokens) =>
      text === '' ? new Uint32Array() : native.tokenize(text, controlTokens),
    renderJinja: refusing(keepParsed((template) => new Jinja(template))),
    close: async () => {
      await native.dispose()
      await addon.dispose()
    },
  }
}

/** Separates what a template says by raise_exception from errors of the engine. */
function refusing(render: Renderer): Renderer {
  return (template, variables) => {
    try {
      return render(template, variables)
    } catch (error) {
      const [, said] = /\nError: Jinja Exception: ([\s\S]*)$/.exec(String(error)) ?? []
      throw said === undefined ? error : new TemplateError(String(error), said.slice(0, MAX_SAID))
    }
  }
}

function readVocabulary(native: AddonModel, size: number, controls: string[], markup: string[]): Vocabulary {
  const bytesOf = tokenBytes(native)
  const offsets = new Uint32Array(size + 1)
  const pieces: Uint8Array[] = []
  const endOfGeneration: number[] = []
  const control: number[] = []
  const names = new Map<number, string>()
  for (let token = 0; token < size; token++) {
    const attributes = native.getTokenAttributes(token)
    const isEnd = native.isEogToken(token)
    const silent = isEnd || (attributes & (CONTROL | UNKNOWN)) !== 0
    const text = silent || attributes & USER_DEFINED ? native.getTokenString(token) : ''
    if (isEnd) endOfGeneration.push(token)
    if (attributes & CONTROL) {
      control.push(token)
      controls.push(text)
    } else if (attributes & USER_DEFINED && /^(<.+>|\[.+\])$/.test(text)) markup.push(text)
    if (silent) names.set(token, text)
    const piece = silent ? new Uint8Array() : bytesOf(token)
    pieces.push(piece)
    offsets[token + 1] = (offsets[token] ?? 0) + piece.length
  }
  return { size, bytes: Buffer.concat(pieces), offsets, endOfGeneration, control, silent: names }
}

/** Tokens for filling in the middle: those that the file names, or those that are spelled as in most models. */
function infillOf(native: AddonModel): LlamaVocabulary['infill'] {
  const find = (named: number, spelling: string): number | undefined => {
    if (named !== -1) return named
    const [token, ...more] = native.tokenize(spelling, true)
    return more.length === 0 ? token : undefined
  }
  const prefix = find(native.prefixToken(), '<fim_prefix>')
  const suffix = find(native.suffixToken(), '<fim_suffix>')
  const middle = find(native.middleToken(), '<fim_middle>')
  return prefix === undefined || suffix === undefined || middle === undefined
    ? undefined
    : { prefix, suffix, middle }
}

function samplingOf(metadata: Metadata): ModelInfo['sampling'] {
  const read = (key: string, min: number, max: number): number | undefined => {
    const number = metadata.get(`general.sampling.${key}`)
    return typeof number === 'number' && number >= min && number <= max ? number : undefined
  }
  const pairs = {
    temperature: read('temp', 0, 2),
    topP: read('top_p', 0, 1),
    topK: read('top_k', 0, 2 ** 31 - 1),
    minP: read('min_p', 0, 1),
  }
  return Object.fromEntries(Object.entries(pairs).filter(([, number]) => number !== undefined))
}
