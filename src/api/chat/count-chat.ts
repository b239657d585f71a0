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

/** Counts the tokens of a chat. @throws ServingError as chatTokens does. */
export async function countChat(chat: ChatRequest, serving: Serving, signal: AbortSignal): Promise<number> {
  return (await chatTokens(chat, serving, signal, 0)).count
}
