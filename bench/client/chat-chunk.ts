/** The fields of a streamed chat completion that the bench reads. Other servers leave out what they like. */
export interface ChatChunk {
  readonly choices?: readonly ChunkChoice[]
  readonly usage?: ChunkUsage | null
  readonly error?: { readonly message?: string } | string
}

interface ChunkChoice {
  readonly delta?: {
    readonly role?: string
    readonly content?: string | null
    readonly reasoning_content?: string | null
  }
  readonly finish_reason?: string | null
}

interface ChunkUsage {
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null
}

/** The text of a chunk that stands for a generated token; undefined for the role, the finish and the usage. */
export function contentOf({ choices }: ChatChunk): string | undefined {
  const choice = choices?.[0]
  const text = choice?.delta?.content ?? choice?.delta?.reasoning_content ?? undefined
  const announces = choice?.delta?.role !== undefined || typeof choice?.finish_reason === 'string'
  return text === '' && announces ? undefined : text
}

export function errorOf({ error }: ChatChunk): string | undefined {
  if (error === undefined || typeof error === 'string') return error
  return error.message ?? 'an error without a message'
}
