import type { TextTokens } from '../../protocol/text-messages.ts'
import type { Serving } from '../serving.ts'
import { type ChatRequest, promptOf, textsOf } from './chat.ts'
import { MAX_LISTED_TOKENS, tokensOnly } from './tokens-only.ts'

/** Makes the tokens of a chat, without a generation. @throws ServingError as Serving.prompt and tokensOnly do. */
export async function chatTokens(
  chat: ChatRequest,
  serving: Serving,
  signal: AbortSignal,
  most = MAX_LISTED_TOKENS,
): Promise<TextTokens> {
  const estimate = await serving.estimateTokens(textsOf(chat))
  const wanted = { share: chat.share, signal, estimate, most }
  return tokensOnly(wanted, serving, (turn) => serving.prompt(promptOf(chat), turn))
}

/** Renders a chat by the model's template. @throws ServingError as chatTokens does. */
export async function chatText(chat: ChatRequest, serving: Serving, signal: AbortSignal): Promise<string> {
  const estimate = await serving.estimateTokens(textsOf(chat))
  const call = { ...promptOf(chat), withText: true }
  const wanted = { share: chat.share, signal, estimate, most: 0 }
  const { text = '' } = await tokensOnly(wanted, serving, (turn) => serving.prompt(call, turn))
  return text
}

/** Counts the tokens of a chat. @throws ServingError as chatTokens does. */
export async function countChat(chat: ChatRequest, serving: Serving, signal: AbortSignal): Promise<number> {
  return (await chatTokens(chat, serving, signal, 0)).count
}
