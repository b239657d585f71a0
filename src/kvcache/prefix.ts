/** Tokens that are in the KV cache, or are looked for there. */
export interface Prefix {
  /** Scope of reuse: keys and values of one scope are never found from another. */
  readonly scope: string
  readonly tokens: readonly number[]
}

/** How many tokens two prefixes share from their start: none across scopes. */
export function sharedTokens(a: Prefix, b: Prefix): number {
  if (a.scope !== b.scope) return 0
  const limit = Math.min(a.tokens.length, b.tokens.length)
  let length = 0
  while (length < limit && a.tokens[length] === b.tokens[length]) length++
  return length
}

/** The prefix of no tokens in a scope. */
export function emptyPrefix(scope: string): Prefix {
  return { scope, tokens: [] }
}

/**
 * The scope of keys and values, which are good for the weights that they were computed with only.
 * @param owner the tenant or salt that they are private to, without a space; '': shared by all.
 * @param adapter the LoRA adapter's id.
 */
export function scopeOf(owner: string, adapter: string | undefined): string {
  return adapter === undefined ? owner : `${owner} ${adapter}`
}

/** The owner and the adapter of a scope. */
export function ownerOf(scope: string): { readonly owner: string; readonly adapter: string | undefined } {
  const [owner = '', adapter] = scope.split(' ')
  return { owner, adapter }
}
