import type { Tenant } from '../../http/access/api-keys.ts'
import type { ChatRequest } from '../chat/chat.ts'
import { unsupported } from '../contract/failures.ts'
import { refused } from '../contract/fates.ts'
import type { Read } from '../contract/field.ts'
import { checked, flag, string } from '../contract/kinds.ts'
import type { CompletionRequest } from '../openai/completion-request.ts'
import type { ReadyModel, Serving } from '../serving.ts'
import { generationFields, generationOptions, images, ollamaThinking } from './options.ts'

const template = checked(string(), { maxLength: 0 }, (text, path) => {
  if (text !== '') throw unsupported(path, "Only the model's own template is used.")
})

/** Ollama: the body of POST /api/generate. Without a prompt, the model is loaded, which it is. */
export const generateBody = {
  ...generationFields,
  prompt: string(),
  suffix: string(),
  system: string(),
  raw: flag,
  template,
  images,
  context: refused('Nothing is kept between requests: send the conversation to /api/chat.'),
}
type GenerateBody = Read<typeof generateBody>

/** Whether a prompt is continued as it stands, and not answered as a chat. */
export function isRaw({ raw = false, suffix = '' }: GenerateBody): boolean {
  return raw || suffix !== ''
}

/** Makes a chat of a prompt that is to be answered. */
export function promptChat(
  body: GenerateBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): ChatRequest {
  const { system = '', prompt = '' } = body
  const user = { role: 'user', content: prompt } as const
  return {
    messages: system === '' ? [user] : [{ role: 'system', content: system }, user],
    tools: { tools: [], output: undefined, strict: new Set(), ignored: [] },
    thinking: ollamaThinking(body, ready.info.chat),
    ...generationOptions(body, serving, ready, tenant),
  }
}

/** Makes a completion of a prompt that is to be continued. @throws ServingError for a suffix where the model has no tokens for one. */
export function rawCompletion(
  body: GenerateBody,
  serving: Serving,
  ready: ReadyModel,
  tenant: Tenant | undefined,
): CompletionRequest {
  const { prompt = '', suffix = '' } = body
  if (suffix !== '' && !ready.info.infill)
    throw unsupported('suffix', 'This model has no tokens for filling in the middle.')
  return {
    prompts: [prompt],
    suffix: suffix === '' ? undefined : suffix,
    echo: false,
    bestOf: 1,
    stream: body.stream ?? true,
    reportUsage: undefined,
    ...generationOptions(body, serving, ready, tenant),
  }
}
