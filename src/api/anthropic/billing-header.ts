const HEADER = /^x-anthropic-billing-header:[^\n]*\n*/

/**
 * Removes the line of accounting that Claude Code puts before its system prompt. It means nothing to a model, and is new in each
 * request: with it in front, no two requests would share a prefix in the KV cache.
 */
export function withoutBillingHeader(system: string): string {
  return system.replace(HEADER, '')
}
