/** Tokens in the KV cache, or to be found there. */
export interface Prefix {
  /** Who may use them: keys and values of one scope are never found from another. */
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

/** Of this scope, and nothing yet. */
export function emptyPrefix(scope: string): Prefix {
  return { scope, tokens: [] }
}

/**
 * Keys and values are those of the weights they were computed with.
 * @param owner who shares them, without a space; '': everyone.
 * @param adapter the LoRA adapter's id.
 */
export function scopeOf(owner: string, adapter: string | undefined): string {
  return adapter === undefined ? owner : `${owner} ${adapter}`
}

/** Whose keys and values these are, and the adapter they were computed with. */
export function ownerOf(scope: string): { readonly owner: string; readonly adapter: string | undefined } {
  const [owner = '', adapter] = scope.split(' ')
  return { owner, adapter }
}
