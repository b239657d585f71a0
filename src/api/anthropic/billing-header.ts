const HEADER = /^x-anthropic-billing-header:[^\n]*\n*/

/**
 * Claude Code begins its system prompt with a line of accounting that is new in each request: with it in front, no two
 * requests would share a prefix in the KV cache. It says nothing to a model, and is left out.
 */
export function withoutBillingHeader(system: string): string {
  return system.replace(HEADER, '')
}
