import type { CallSink, ToolParser } from '../scan/call-sink.ts'
import { OpenArguments } from '../scan/json-arguments.ts'
import { TagScanner } from '../scan/tag-scanner.ts'
import type { OfferedTools, ToolFormat } from './tool-format.ts'

const START = '<|start|>'
const CHANNEL = '<|channel|>'
const CONSTRAIN = '<|constrain|>'
const MESSAGE = '<|message|>'
const END = '<|end|>'
const CALL = '<|call|>'
const RETURN = '<|return|>'
const TAGS = [START, CHANNEL, CONSTRAIN, MESSAGE, END, CALL, RETURN]
/** A header is a role, a channel, a recipient and a kind of content. */
const MAX_HEADER = 256

/**
 * gpt-oss: messages of channels, each with a header. <|channel|>analysis<|message|>…<|end|> is a thought,
 * <|channel|>final<|message|>… an answer, <|channel|>commentary to=functions.f <|constrain|>json<|message|>{…} a call,
 * and commentary to nobody is said to the user, too. The recipient may stand before the channel.
 */
export const harmony: ToolFormat = {
  name: 'harmony',
  recognises: (template) => [START, CHANNEL, MESSAGE].every((tag) => template.includes(tag)),
  markers: TAGS,
  parser: (sink, offered) => new HarmonyParser(sink, offered),
  lead: `${CHANNEL}final${MESSAGE}`,
  thought: { open: `${CHANNEL}analysis${MESSAGE}`, close: `${END}${START}assistant` },
  notation: {
    mark: `${CHANNEL}commentary to=`,
    open: (name) => `${CHANNEL}commentary to=functions.${name} ${CONSTRAIN}json${MESSAGE}`,
    close: '',
    avoid: [`${CHANNEL}analysis to=`, `${START}assistant to=`],
  },
}

/** State of a parser. `plain`: no header came where one was expected; all is content. */
type State = 'header' | 'thought' | 'content' | 'call' | 'plain'

class HarmonyParser implements ToolParser {
  readonly #sink: CallSink
  readonly #offered: OfferedTools
  readonly #scanner = new TagScanner(TAGS)
  #state: State = 'header'
  #header = ''
  #call: OpenArguments | undefined
  #received = 0
  #contentStart: number | undefined
  #hasThought = false

  constructor(sink: CallSink, offered: OfferedTools) {
    this.#sink = sink
    this.#offered = offered
  }

  get inThought(): boolean {
    return this.#state === 'thought'
  }

  get contentStart(): number | undefined {
    return this.#contentStart
  }

  push(piece: string): void {
    this.#received += piece.length
    for (let rest = piece; rest !== ''; ) {
      const { text, tag, rest: behind } = this.#scanner.push(rest)
      rest = behind
      this.#text(text)
      if (tag !== undefined) this.#tag(tag, this.#received - rest.length)
    }
  }

  end(): void {
    this.#text(this.#scanner.flush())
    if (this.#state === 'call') this.#sink.callEnd()
    if (this.#state === 'header') this.#giveUp()
  }

  #text(text: string): void {
    if (text === '') return
    if (this.#state === 'header') this.#headerText(text)
    else if (this.#state === 'thought') this.#sink.thought(text)
    else if (this.#state === 'call') this.#call?.push(text)
    else this.#sink.text(text)
  }

  #headerText(text: string): void {
    this.#header += text
    if (this.#header.length > MAX_HEADER) this.#giveUp()
  }

  /** Makes content of what was taken for a header. */
  #giveUp(): void {
    if (this.#header !== '') this.#contentStart ??= this.#received - this.#header.length
    this.#state = 'plain'
    this.#sink.text(this.#header)
    this.#header = ''
  }

  /** @param at where the tag ends in all that was received. */
  #tag(tag: string, at: number): void {
    // Inside a string of the arguments it is what the model writes about.
    if (this.#state === 'plain' || (this.#state === 'call' && this.#call?.inString)) this.#text(tag)
    else if (this.#state === 'header') this.#inHeader(tag, at)
    else if (tag === MESSAGE || tag === CONSTRAIN) this.#text(tag)
    else {
      if (this.#state === 'call') this.#sink.callEnd()
      this.#state = 'header'
      this.#header = tag === CHANNEL ? tag : ''
    }
  }

  #inHeader(tag: string, at: number): void {
    if (tag === MESSAGE) this.#begin(at)
    else if (tag === START && this.#header.trim() === '') this.#header = ''
    else if (tag !== END && tag !== CALL && tag !== RETURN) this.#headerText(tag)
  }

  #begin(at: number): void {
    const channel = /<\|channel\|>\s*(\w+)/.exec(this.#header)?.[1]
    const name = this.#callee(/\bto=([^\s<]+)/.exec(this.#header)?.[1])
    this.#header = ''
    if (name !== undefined) {
      this.#state = 'call'
      this.#call = new OpenArguments(this.#sink, name)
    } else if (channel === 'analysis') {
      this.#state = 'thought'
      if (this.#hasThought) this.#sink.thought('\n\n')
      this.#hasThought = true
    } else {
      this.#state = 'content'
      this.#contentStart ??= at
    }
  }

  /** The tool that a recipient is; undefined for one that is none, and where none are offered. */
  #callee(recipient: string | undefined): string | undefined {
    if (recipient === undefined || this.#offered.size === 0) return undefined
    const name = recipient.replace(/^functions\./, '')
    return (name !== recipient && /^[\w.-]{1,128}$/.test(name)) || this.#offered.has(name) ? name : undefined
  }
}
