import type { Renderer } from './chat-template.ts'

/** A template as a Jinja engine has read it. */
export interface ParsedTemplate {
  render(variables: Record<string, unknown>): string
}

/**
 * Renders with an engine's parser, which reads a template once for as long as it stays the same. What llama.cpp has read is
 * 40 kB and more outside of V8's heap, where a thousand of them may lie before V8 sees a reason to clear away.
 */
export function keepParsed(parse: (template: string) => ParsedTemplate): Renderer {
  let last: { readonly template: string; readonly parsed: ParsedTemplate } | undefined
  return (template, variables) => {
    if (last?.template !== template) last = { template, parsed: parse(template) }
    return last.parsed.render({ ...variables })
  }
}
