import type { LlamaModel } from 'node-llama-cpp'
import type { ModelInfo, Vocabulary } from '../children/protocol.ts'
import { loadLlama } from './llama-binary.ts'

// llama.cpp: llama_token_attr.
const CONTROL = 1 << 3
const USER_DEFINED = 1 << 4
const BYTE = 1 << 5
const UNKNOWN = 1 << 0

/** node-llama-cpp 3.22.1: what its public types leave out. */
interface NativeModel {
  tokenize(text: string, specialTokens: boolean): Uint32Array
  getTokenString(token: number): string
  getTokenAttributes(token: number): number
  isEogToken(token: number): boolean
  getVocabularyType(): number
}
interface NativeJinja {
  new (template: string): { render(items: Record<string, unknown>): string }
}

/** A model's vocabulary without its weights: llama.cpp's own tokenizer and template engine. */
export interface LlamaVocabulary {
  readonly vocabulary: Vocabulary
  readonly model: Omit<ModelInfo, 'chat' | 'chatTemplate'>
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
  renderJinja(template: string, variables: Readonly<Record<string, unknown>>): string
  close(): Promise<void>
}

export async function openVocabulary(modelPath: string): Promise<LlamaVocabulary> {
  const llama = await loadLlama({ gpu: false })
  const loaded = await llama.loadModel({ modelPath, vocabOnly: true })
  const native = (loaded as unknown as { _model: NativeModel })._model
  const Jinja = (llama as unknown as { _bindings: { AddonJinjaRenderer: NativeJinja } })._bindings
    .AddonJinjaRenderer
  for (const name of [
    'tokenize',
    'getTokenString',
    'getTokenAttributes',
    'isEogToken',
    'getVocabularyType',
  ] as const) {
    if (typeof native?.[name] !== 'function')
      throw new Error(`node-llama-cpp has no model.${name}: Altiplano needs 3.22.1`)
  }
  const size = loaded.fileInfo.metadata.tokenizer.ggml.tokens.length
  const { general } = loaded.fileInfo.metadata as { general: Record<string, unknown> }
  const markup: string[] = []
  const controls: string[] = []
  const vocabulary = readVocabulary(native, size, controls, markup)
  return {
    vocabulary,
    model: {
      name: String(general['name'] ?? ''),
      architecture: String(general['architecture'] ?? ''),
      // llama.cpp knows no hyperparameters of a model that it loads for its vocabulary only.
      trainedContext: loaded.fileInfo.architectureMetadata.context_length ?? 0,
      infill: infillOf(loaded) !== undefined,
      hasChatTemplate: templateOf(loaded.fileInfo.metadata.tokenizer) !== undefined,
      sampling: samplingOf(general['sampling']),
    },
    chatTemplate: templateOf(loaded.fileInfo.metadata.tokenizer),
    bos: loaded.tokens.bosString ?? '',
    eos: loaded.tokens.eosString ?? '',
    addsBos: loaded.tokens.shouldPrependBosToken,
    bosToken: loaded.tokens.bos ?? -1,
    infill: infillOf(loaded),
    controlTexts: controls,
    markupTexts: markup,
    tokenize: (text, controlTokens) =>
      text === '' ? new Uint32Array() : Uint32Array.from(native.tokenize(text, controlTokens)),
    renderJinja: (template, variables) => new Jinja(template).render({ ...variables }),
    close: async () => {
      await loaded.dispose()
      await llama.dispose()
    },
  }
}

function readVocabulary(native: NativeModel, size: number, controls: string[], markup: string[]): Vocabulary {
  const bytesOf = tokenBytes(native)
  const offsets = new Uint32Array(size + 1)
  const pieces: Uint8Array[] = []
  const endOfGeneration: number[] = []
  const control: number[] = []
  const names = new Map<number, string>()
  for (let token = 0; token < size; token++) {
    const attributes = native.getTokenAttributes(token)
    const text = native.getTokenString(token)
    const isEnd = native.isEogToken(token)
    if (isEnd) endOfGeneration.push(token)
    if (attributes & CONTROL) {
      control.push(token)
      controls.push(text)
    } else if (attributes & USER_DEFINED && /^(<.+>|\[.+\])$/.test(text)) markup.push(text)
    const silent = isEnd || (attributes & (CONTROL | UNKNOWN)) !== 0
    if (silent) names.set(token, text)
    const piece = silent ? new Uint8Array() : bytesOf(token)
    pieces.push(piece)
    offsets[token + 1] = (offsets[token] ?? 0) + piece.length
  }
  return { size, bytes: Buffer.concat(pieces), offsets, endOfGeneration, control, silent: names }
}

/** What each token stands for, be it to be read or not. */
export function tokenBytes(
  native: Pick<NativeModel, 'getTokenString' | 'getTokenAttributes' | 'getVocabularyType'>,
): (token: number) => Uint8Array {
  // llama.cpp: llama_vocab_type; 2 is BPE, whose texts are in GPT-2's byte alphabet.
  const alphabet = native.getVocabularyType() === 2 ? byteAlphabet() : undefined
  return (token) => spelled(native.getTokenString(token), native.getTokenAttributes(token), alphabet)
}

function spelled(
  text: string,
  attributes: number,
  alphabet: ReadonlyMap<string, number> | undefined,
): Uint8Array {
  if (alphabet !== undefined && (attributes & USER_DEFINED) === 0) {
    return Uint8Array.from([...text].flatMap((letter) => alphabet.get(letter) ?? [...Buffer.from(letter)]))
  }
  const byte = attributes & BYTE ? /^<0x([0-9A-Fa-f]{2})>$/.exec(text) : null
  if (byte?.[1] !== undefined) return Uint8Array.of(Number.parseInt(byte[1], 16))
  return Buffer.from(alphabet === undefined ? text.replaceAll('\u2581', ' ') : text)
}

/** GPT-2: printable bytes stand for themselves, the others for the characters from 256 on. */
function byteAlphabet(): ReadonlyMap<string, number> {
  const alphabet = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    alphabet.set(String.fromCharCode(printable ? byte : next++), byte)
  }
  return alphabet
}

function infillOf({ tokens }: LlamaModel): LlamaVocabulary['infill'] {
  const { prefix, suffix, middle } = tokens.infill
  return prefix === null || suffix === null || middle === null ? undefined : { prefix, suffix, middle }
}

function templateOf(tokenizer: unknown): string | undefined {
  const template = (tokenizer as Record<string, unknown>)['chat_template']
  return typeof template === 'string' && template !== '' ? template : undefined
}

function samplingOf(value: unknown): ModelInfo['sampling'] {
  const given = (value ?? {}) as Record<string, unknown>
  const read = (key: string, min: number, max: number): number | undefined => {
    const number = given[key]
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
