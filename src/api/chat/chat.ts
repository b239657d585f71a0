import type { FastifyReply } from 'fastify'
import type { Generation, GenerationRequest } from '../../generation/generation.ts'
import type { LogprobRequest } from '../../protocol/sequence-spec.ts'
import type { PromptCall } from '../../protocol/text-messages.ts'
import { stringsIn } from '../../text/json-strings.ts'
import type { OutputFormat } from '../../text/output/output-parser.ts'
import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import type { ChatMessage } from '../../text/template/chat-message.ts'
import type { BegunAnswer } from '../../text/template/chat-template.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import type { ToolFormat } from '../../text/tool-formats/tool-format.ts'
import { invalidValue } from '../contract/failures.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import type { Sharing } from '../sharing.ts'
import { wantedOutput } from './forced-calls.ts'
import { generationRequests } from './generation-requests.ts'
import type { SamplingRequest } from './sampling.ts'
import { engineSpeculation, predicted, type SpeculationRequest } from './speculation.ts'
import { type ChangeListener, constrained, type WantedConstraint } from './structured-output.ts'
import type { ThinkingRequest } from './thinking.ts'
import { grantedTokens, namingChanges, type Start, type TokenLimit } from './token-limit.ts'
import type { ToolRequest } from './tools.ts'

/** A chat that has passed the checks of its protocol. Every chat protocol is read into this one, in OpenAI's terms. */
export interface ChatRequest extends SamplingRequest, Sharing {
  readonly messages: readonly ChatMessage[]
  /** Beginning of the answer: the model goes on with it. */
  readonly begun?: BegunAnswer | undefined
  /** Name of the protocol's field of messages. Default: messages. */
  readonly messagesField?: 'messages' | 'input'
  readonly tools: ToolRequest
  readonly thinking: ThinkingRequest
  /** undefined: all that is left of the context. */
  readonly limit: TokenLimit | undefined
  readonly constraint: WantedConstraint | undefined
  readonly speculation: SpeculationRequest
  readonly logprobs: LogprobRequest | undefined
  readonly n: number
}

/** Strings that an estimate looks at, messages first. Schemas of tools with more of them count only when they are tokenized. */
const MAX_STRINGS = 4000

/** Makes the call that asks the text process for a prompt. @throws ServingError invalid_value where there is nothing to read. */
export function promptOf({ messages, begun, messagesField, tools, thinking }: ChatRequest): PromptCall {
  if (!messages.some((message) => message.content !== '' || message.tool_calls !== undefined))
    throw invalidValue(messagesField ?? 'messages', 'every message is empty.')
  return { type: 'chat', messages, tools: tools.tools, kwargs: thinking.kwargs, begun }
}

/** Texts of a chat that an estimate of its tokens goes by. */
export function textsOf({ tools, messages, begun }: ChatRequest): string[] {
  return stringsIn([tools.tools, begun, messages], MAX_STRINGS)
}

/** Starts one generation for each choice of a chat, and names what the request asked for that could not be had whole. */
export function chatStarter(
  chat: ChatRequest,
  ready: ReadyModel,
  serving: Serving,
  reply: FastifyReply,
): (signal: AbortSignal) => Promise<Generation[]> {
  const start: Start = async (signal, onChange) => {
    const promptTokens = await serving.estimateTokens(textsOf(chat))
    const work = { tenant: chat.share.tenant, prompts: 1, promptTokens, choices: chat.n }
    using permit = serving.admit(work)
    return serving.start(await prepareChat(chat, ready, serving, signal, onChange), permit, signal)
  }
  return namingChanges(start, chat.limit, serving, reply)
}

async function prepareChat(
  chat: ChatRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
  onChange: ChangeListener,
): Promise<GenerationRequest[]> {
  const { reasoning, toolFormat } = ready.info.chat
  const format = toolFormatNamed(toolFormat)
  const wanted = wantedOutput(chat.constraint, chat.tools, reasoning, format, chat.thinking)
  const turn = { share: chat.share, signal, most: ready.contextSize }
  const preparation = {
    prompts: [promptOf(chat)],
    constraint: wanted?.constraint,
    openThought: wanted?.openThought,
    thoughtEnding: thoughtEnding(chat, reasoning, format),
    prediction: predicted(chat.speculation),
  }
  const prepared = await serving.prepare(preparation, wanted?.param ?? '', turn)
  onChange(prepared.changed ?? [])
  const [prompt] = prepared.prompts
  if (prompt === undefined) throw new Error('the text process made no prompt of a chat')
  const { limit, messagesField = 'messages' } = chat
  const maxTokens = grantedTokens(prompt.count, limit, ready.contextSize, messagesField, serving.strictParams)
  const output = outputFormat(chat, ready, prompt.inThought)
  const sampling = constrained(chat.sampling, prepared.grammar, ready.vocabulary, output.markers)
  const speculation = engineSpeculation(chat.speculation, prepared.prediction)
  const { tokens } = prompt
  const { logprobs, thinking } = chat
  const ending = prepared.thoughtEnding
  const thoughtLimit = ending && { tokens: Math.max(1, thinking.budget ?? 1), ending }
  // What must be of a certain form ends where that does.
  const turnEnds = wanted?.constraint === undefined ? ready.info.turnEnds : []
  const all = { prompt: tokens, maxTokens, sampling, speculation, logprobs, output, thoughtLimit, turnEnds }
  return generationRequests(chat, all, ready, chat.n)
}

/** How a thought is ended that is too long: as models write it. Undefined: it may be as long as it gets. */
function thoughtEnding(
  { thinking: { budget } }: ChatRequest,
  reasoning: ReasoningTags | undefined,
  format: ToolFormat | undefined,
): string | undefined {
  if (budget === undefined || reasoning === undefined) return undefined
  const { close, answer } = reasoning
  if (format?.thought !== undefined) return close
  return answer === undefined ? `\n${close}\n\n` : `\n${close}`
}

/** Format that the answer to a prompt is parsed in. */
function outputFormat(chat: ChatRequest, { info }: ReadyModel, inThought: boolean): OutputFormat {
  const { reasoning, reasoningMarkers, toolMarkers } = info.chat
  const format = toolFormatNamed(info.chat.toolFormat)
  const none = { format: info.chat.toolFormat, offered: new Map<string, unknown>(), single: false }
  const tools = chat.tools.output ?? (format?.lead === undefined ? undefined : none)
  // A document may hold what looks like a call.
  const opening = chat.constraint && format?.lead === undefined ? format?.notation?.mark : undefined
  return {
    ...(reasoning && { reasoning: { tags: reasoning, opened: inThought, begun: chat.begun !== undefined } }),
    ...(tools && { tools: { ...tools, opening } }),
    // Where no call is looked for, its markup stays out of the content.
    markers: new Map([...reasoningMarkers, ...(tools ? toolMarkers : [])]),
  }
}
