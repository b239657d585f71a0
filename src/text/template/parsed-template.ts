import type { Renderer } from './chat-template.ts'

/** A template that a Jinja engine has parsed. */
export interface ParsedTemplate {
  render(variables: Record<string, unknown>): string
}

/**
 * A renderer that parses a template once for as long as it stays the same. A template that llama.cpp has parsed takes 40 kB and more
 * outside of V8's heap, where a thousand of them may lie before V8 collects any.
 */
export function keepParsed(parse: (template: string) => ParsedTemplate): Renderer {
  let last: { readonly template: string; readonly parsed: ParsedTemplate } | undefined
  return (template, variables) => {
    if (last?.template !== template) last = { template, parsed: parse(template) }
    return last.parsed.render({ ...variables })
  }
}
