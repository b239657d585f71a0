import { fitInContext } from '../../generation/fit.ts'
import type { Generation, GenerationRequest } from '../../generation/generation.ts'
import type { LogprobRequest } from '../../protocol/sequence-spec.ts'
import type { PromptCall } from '../../protocol/text-messages.ts'
import { stringsIn } from '../../text/json-strings.ts'
import type { OutputFormat } from '../../text/output/output-parser.ts'
import type { ReasoningTags } from '../../text/scan/reasoning.ts'
import type { ChatMessage } from '../../text/template/chat-message.ts'
import { toolFormatNamed } from '../../text/tool-formats/formats.ts'
import type { ToolFormat } from '../../text/tool-formats/tool-format.ts'
import { invalidValue } from '../contract/failures.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import type { Sharing } from '../sharing.ts'
import { wantedOutput } from './forced-calls.ts'
import { generationRequests } from './generation-requests.ts'
import type { SamplingRequest } from './sampling.ts'
import { engineSpeculation, predicted, type SpeculationRequest } from './speculation.ts'
import { constrained, type WantedConstraint } from './structured-output.ts'
import type { ThinkingRequest } from './thinking.ts'
import type { ToolRequest } from './tools.ts'

/** A chat that has passed its protocol's checks. Every chat protocol ends here; OpenAI's words are the common ones. */
export interface ChatRequest extends SamplingRequest, Sharing {
  readonly messages: readonly ChatMessage[]
  /** What the protocol calls them. Default messages. */
  readonly messagesField?: 'messages' | 'input'
  readonly tools: ToolRequest
  readonly thinking: ThinkingRequest
  /** undefined: all that is left of the context. */
  readonly maxTokens: number | undefined
  /** Fewer tokens are as good: where they do not fit, what is left of the context is taken. */
  readonly clampMaxTokens?: boolean
  readonly constraint: WantedConstraint | undefined
  readonly speculation: SpeculationRequest
  readonly logprobs: LogprobRequest | undefined
  readonly n: number
}

/** That an estimate looks at, messages first. Schemas of tools that have more are told by their tokens only. */
const MOST_STRINGS = 4000

/** What the text process is to make a prompt of. @throws ServingError invalid_value where there is nothing to read. */
export function promptOf({ messages, messagesField, tools, thinking }: ChatRequest): PromptCall {
  if (!messages.some((message) => message.content !== '' || message.tool_calls !== undefined))
    throw invalidValue(messagesField ?? 'messages', 'every message is empty.')
  return { type: 'chat', messages, tools: tools.tools, kwargs: thinking.kwargs }
}

/** What an estimate of its tokens goes by. */
export function textsOf({ tools, messages }: ChatRequest): string[] {
  return stringsIn([tools.tools, messages], MOST_STRINGS)
}

/** One generation a choice. */
export async function startChat(
  chat: ChatRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
): Promise<Generation[]> {
  const promptTokens = await serving.estimateTokens(textsOf(chat))
  const work = { tenant: chat.share.tenant, prompts: 1, promptTokens, choices: chat.n }
  using permit = serving.admit(work)
  return serving.start(await prepareChat(chat, ready, serving, signal), permit, signal)
}

async function prepareChat(
  chat: ChatRequest,
  ready: ReadyModel,
  serving: Serving,
  signal: AbortSignal,
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
  const [prompt] = prepared.prompts
  if (prompt === undefined) throw new Error('the text process made no prompt of a chat')
  const maxTokens = roomFor(chat, prompt.count, ready.contextSize)
  const output = outputFormat(chat, ready, prompt.inThought)
  const sampling = constrained(chat.sampling, prepared.grammar, ready.vocabulary, output.markers)
  const speculation = engineSpeculation(chat.speculation, prepared.prediction)
  const { tokens } = prompt
  const { logprobs, thinking } = chat
  const ending = prepared.thoughtEnding
  const thoughtLimit = ending && { tokens: Math.max(1, thinking.budget ?? 1), ending }
  const all = { prompt: tokens, maxTokens, sampling, speculation, logprobs, output, thoughtLimit }
  return generationRequests(chat, all, ready, chat.n)
}

function roomFor(chat: ChatRequest, promptTokens: number, contextSize: number): number {
  const { maxTokens, clampMaxTokens, messagesField = 'messages' } = chat
  const fits = (wanted: number | undefined): number =>
    fitInContext(promptTokens, wanted, contextSize, messagesField)
  if (clampMaxTokens !== true || maxTokens === undefined) return fits(maxTokens)
  return Math.min(maxTokens, fits(undefined))
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

/** How the answer to this prompt is to be read. */
function outputFormat(chat: ChatRequest, { info }: ReadyModel, inThought: boolean): OutputFormat {
  const { reasoning, reasoningMarkers, toolMarkers } = info.chat
  const format = toolFormatNamed(info.chat.toolFormat)
  const none = { format: info.chat.toolFormat, offered: new Map<string, unknown>(), single: false }
  const tools = chat.tools.output ?? (format?.lead === undefined ? undefined : none)
  // A document may hold what looks like a call.
  const opening = chat.constraint && format?.lead === undefined ? format?.notation?.mark : undefined
  return {
    ...(reasoning && { reasoning: { tags: reasoning, opened: inThought } }),
    ...(tools && { tools: { ...tools, opening } }),
    // Where no call is looked for, its markup stays out of the content.
    markers: new Map([...reasoningMarkers, ...(tools ? toolMarkers : [])]),
  }
}
