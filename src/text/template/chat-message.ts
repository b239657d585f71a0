/** A chat message as templates see it: OpenAI's names, content already joined to one string. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly name?: string
  readonly reasoning_content?: string
  readonly tool_calls?: readonly ChatToolCall[]
  readonly tool_call_id?: string
}

export interface ChatToolCall {
  readonly id: string
  readonly type: 'function'
  /** `arguments` is the JSON text of the call. The template gets the parsed object where it parses. */
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatTool {
  readonly type: 'function'
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: unknown }
}
