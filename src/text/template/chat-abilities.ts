import { allTags, type ReasoningTags, recogniseReasoning } from '../scan/reasoning.ts'
import { recogniseToolFormat } from '../tool-formats/formats.ts'
import { variablesOf } from './own-words.ts'
import { TOOL_VARIABLES, type ToolVariable } from './template-variables.ts'

/** Abilities of a model's chat template, as far as this server can use them. */
export interface ChatAbilities {
  /** The format of its tool calls. */
  readonly toolFormat: string
  readonly reasoning?: ReasoningTags
  /** Variables that the template reads, of those that clients may set. */
  readonly variables: readonly string[]
  /** Control tokens whose text marks thoughts, and tool calls: token id and text. */
  readonly reasoningMarkers: readonly (readonly [number, string])[]
  readonly toolMarkers: readonly (readonly [number, string])[]
}

/** @param control ids and texts of the vocabulary's control tokens. */
export function chatAbilities(
  template: string,
  control: readonly (readonly [number, string])[],
): ChatAbilities {
  const read = namesIn(template)
  const format = recogniseToolFormat(template, toolVariableIn(read) !== undefined)
  const reasoning = format.thought ?? recogniseReasoning(template)
  const tags = reasoning ? allTags(reasoning) : []
  return {
    toolFormat: format.name,
    ...(reasoning && { reasoning }),
    variables: variablesOf(template, read),
    // A tag may be several control tokens.
    reasoningMarkers: control.filter(([, text]) => text.length > 1 && tags.some((tag) => tag.includes(text))),
    toolMarkers: control.filter(([, text]) => format.markers.includes(text)),
  }
}

/** The variable in which a template takes tools; undefined: it takes none. */
export function toolVariable(template: string): ToolVariable | undefined {
  return toolVariableIn(namesIn(template))
}

function toolVariableIn(names: ReadonlySet<string>): ToolVariable | undefined {
  return TOOL_VARIABLES.find((name) => names.has(name))
}

/** Names in a Jinja template's statements and expressions, without its strings and texts. */
export function namesIn(template: string): Set<string> {
  const names = new Set<string>()
  for (const [block] of template.matchAll(/\{[{%][\s\S]*?[}%]\}/g)) {
    const code = block.replace(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/g, ' ')
    for (const [name] of code.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)) names.add(name)
  }
  return names
}
