import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { toolVariable } from '../../src/text/template/chat-abilities.ts'
import type { ChatInput, Renderer, TemplateError } from '../../src/text/template/chat-template.ts'
import { ControlTokenGuard } from '../../src/text/template/control-tokens.ts'
import { ModelTemplate } from '../../src/text/template/model-template.ts'
import { toolFormatNamed } from '../../src/text/tool-formats/formats.ts'
import { plainJson } from '../../src/text/tool-formats/plain-json.ts'
import { type ConversationName, conversations } from './conversations.ts'
import { readsItsCalls } from './read-back.ts'

export const PAGE = 'docs/templates.md'

/** A template's line of the table: cells by column. */
type Row = Readonly<Record<Column, string>>
const columns = [
  'Template',
  'Rendering',
  'Tools',
  'Calls read',
  'Calls forced',
  'Two calls replayed',
  'Thoughts split',
  'Thoughts replayed',
  'Thinks by default',
] as const
type Column = (typeof columns)[number]

/** A chat as it was rendered: by our engine, and what another one needs to render it, too. */
interface Rendered {
  readonly name: ConversationName
  /** The prompt, or why there is none. */
  readonly text: string | { readonly error: string }
  readonly variables: Readonly<Record<string, unknown>>
}

/** A template, and the chats that were rendered by it. */
interface Found {
  readonly name: string
  readonly template: ModelTemplate
  readonly rendered: readonly Rendered[]
}

/** docs/templates.md. @param python an interpreter that has jinja2; undefined: the column of renderings is as in `known`. */
export function templatesPage(
  templates: readonly { readonly name: string; readonly source: string }[],
  renderJinja: Renderer,
  python: string | undefined,
  known: string,
): string {
  const found = templates.map(({ name, source }): Found => {
    const recorder = recording(renderJinja)
    const template = opened(source, recorder.render)
    return { name, template, rendered: renderAll(template, recorder.variables) }
  })
  const renderings = python === undefined ? knownRenderings(known) : comparedRenderings(found, python)
  return page(found.map((one) => rowOf(one, renderings.get(one.name) ?? '')))
}

function rowOf({ name, template, rendered }: Found, rendering: string): Row {
  const { toolFormat, reasoning } = template.abilities
  const takesNone = toolVariable(template.source) === undefined ? ': takes none' : ''
  return {
    Template: name,
    Rendering: rendering,
    Tools: toolFormat === plainJson.name ? `in words${takesNone}` : `\`${toolFormat}\``,
    'Calls read': readsItsCalls(template) ? 'yes' : 'no',
    'Calls forced': toolFormatNamed(toolFormat)?.notation === undefined ? 'no' : 'yes',
    'Two calls replayed': replay(template, rendered),
    'Thoughts split': reasoning === undefined ? 'none' : `\`${shown(reasoning.open || reasoning.close)}\``,
    'Thoughts replayed': thoughts(template),
    'Thinks by default': thinking(template),
  }
}

function opened(source: string, render: Renderer): ModelTemplate {
  const guard = new ControlTokenGuard([])
  return new ModelTemplate(
    { template: source, bos: '<s>', eos: '</s>', guard, strictGuard: guard, renderers: [render] },
    [],
  )
}

/** A renderer that keeps the variables of the last chat. */
function recording(renderJinja: Renderer): { render: Renderer; variables: () => Rendered['variables'] } {
  let last: Rendered['variables'] = {}
  return {
    render: (template, variables) => {
      last = variables
      return renderJinja(template, variables)
    },
    variables: () => last,
  }
}

function renderAll(template: ModelTemplate, variables: () => Rendered['variables']): Rendered[] {
  return Object.entries<ChatInput>(conversations).map(([name, chat]) => ({
    name: name as ConversationName,
    text: rendered(template, chat),
    variables: variables(),
  }))
}

function rendered(template: ModelTemplate, chat: ChatInput): Rendered['text'] {
  try {
    return template.render(chat).join('')
  } catch (error) {
    const { said, message } = error as TemplateError
    return { error: said ?? message }
  }
}

/** Cells of the column of renderings, by name of the template. */
function comparedRenderings(found: readonly Found[], python: string): Map<string, string> {
  const input = found.flatMap(({ template, rendered }) =>
    rendered.map(({ variables }) => [template.source, variables]),
  )
  const script = fileURLToPath(new URL('reference.py', import.meta.url))
  const output = execFileSync(python, [script], { input: JSON.stringify(input), maxBuffer: 100_000_000 })
  const references = JSON.parse(output.toString()) as Rendered['text'][]
  return new Map(
    found.map(({ name, rendered }, index) => {
      const own = references.slice(index * rendered.length, (index + 1) * rendered.length)
      return [name, renderingCell(rendered, own)]
    }),
  )
}

function renderingCell(chats: readonly Rendered[], references: readonly Rendered['text'][]): string {
  const kinds: Record<'same' | 'refused' | 'only here' | 'escaped there' | 'differs', string[]> = {
    same: [],
    refused: [],
    'only here': [],
    'escaped there': [],
    differs: [],
  }
  for (const [index, { name, text }] of chats.entries()) {
    const reference = references[index] ?? ''
    if (text === reference) kinds.same.push(name)
    else if (typeof text !== 'string' && typeof reference !== 'string') kinds.refused.push(name)
    else if (typeof reference !== 'string') kinds['only here'].push(name)
    else if (text === withoutEscapes(reference)) kinds['escaped there'].push(name)
    else kinds.differs.push(name)
  }
  const others = (['refused', 'only here', 'escaped there', 'differs'] as const).flatMap((kind) =>
    kinds[kind].length === 0 ? [] : [`${kind}: ${kinds[kind].join(', ')}`],
  )
  return [kinds.same.length === chats.length ? 'same' : `${kinds.same.length} same`, ...others].join('; ')
}

/** A text without what Jinja2 makes of it for HTML where a template says `safe` of its neighbour. */
function withoutEscapes(text: string): string {
  const characters: Readonly<Record<string, string>> = { '#34': '"', '#39': "'", lt: '<', gt: '>', amp: '&' }
  return text.replace(/&(#34|#39|lt|gt|amp);/g, (_, name: string) => characters[name] ?? '')
}

function knownRenderings(page: string): Map<string, string> {
  const cells = page.split('\n').map((line) => line.split(' | '))
  return new Map(cells.map(([name = '', rendering = '']) => [name.replace(/^\| /, ''), rendering]))
}

function replay(template: ModelTemplate, chats: readonly Rendered[]): string {
  const text = chats.find(({ name }) => name === 'two calls')?.text
  if (typeof text !== 'string') return `refused: ${text?.error}`
  const parts = ['Köln', '"celsius": 12', 'Ōsaka', '"celsius": 31'].filter(
    (part) => !unescaped(text).includes(part),
  )
  if (parts.length > 0) return `lost: ${parts.join(', ')}`
  if (template.abilities.toolFormat === plainJson.name) return 'in words'
  const { calls: place, severalCalls, arguments: form } = template.forms
  if (!severalCalls) return 'one a turn'
  if (place === 'content') return 'as content'
  return form === 'text' ? 'yes, arguments as text' : 'yes'
}

/** Some templates write results as JSON strings, and some calls in ASCII. */
const unescaped = (text: string): string =>
  text
    .replaceAll('\\"', '"')
    .replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

function thoughts(template: ModelTemplate): string {
  const keeps = (name: ConversationName, kwargs: ChatInput['kwargs']): boolean => {
    const text = rendered(template, { ...conversations[name], kwargs })
    return typeof text === 'string' && text.includes('The user wants the weather.')
  }
  const place = template.forms.thought === 'parts' ? 'content parts' : `\`${template.forms.thought}\``
  for (const [kwargs, when] of [
    [{}, ''],
    [{ enable_thinking: true, thinking: true }, ', while it thinks'],
  ] as const) {
    const [always, going] = [keeps('a thought', kwargs), keeps('a thought and a call', kwargs)]
    if (always) return `${place}${going ? '' : ', without calls'}${when}`
    if (going) return `${place}, of the turn that goes on${when}`
  }
  return 'no'
}

/** Whether the model thinks when nothing is said, as far as the template decides it. */
function thinking(template: ModelTemplate): string {
  const { variables } = template.abilities
  const switches = variables.filter((name) => name !== 'reasoning_effort')
  const { messages } = conversations['no system']
  const prompt = (kwargs: ChatInput['kwargs']): string => {
    const text = rendered(template, { messages, tools: [], kwargs })
    return typeof text === 'string' ? text : ''
  }
  const [first] = switches
  if (first === undefined) return variables.length > 0 ? 'by `reasoning_effort`' : '–'
  const [silent, on, off] = [{}, { [first]: true }, { [first]: false }].map(prompt)
  const state = on === off ? 'the same' : silent === on ? 'yes' : silent === off ? 'no' : 'up to the model'
  return `${state} (${variables.map((name) => `\`${name}\``).join(', ')})`
}

/** A tag in a cell of a table. */
const shown = (tag: string): string => tag.replaceAll('|', '\\|').replaceAll('\n', '↵')

function page(rows: readonly Row[]): string {
  const count = (wanted: (row: Row) => boolean): number => rows.filter(wanted).length
  const own = count(({ Tools }) => !Tools.startsWith('in words'))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return `<!-- Generated by \`npm run generate:templates\`. Do not edit. -->
# Chat templates

${rows.length} templates of real models, which llama.cpp's source holds, and what this server makes of each: ${own} have tools in the notation of their model,
${rows.length - own} in words. \`test/text/templates.test.ts\` finds all of it out again.

| Column | What it says |
| --- | --- |
| Rendering | Of ${Object.keys(conversations).length} chats (${Object.keys(conversations).join(', ')}), those whose prompt is, byte for byte, that of Jinja2 with the settings of Transformers. \`refused\`: the template raises an error, in both. \`only here\`: Jinja2 cannot render it. \`escaped there\`: Jinja2 writes \`&#34;\` for quotes, as the template says \`safe\` of what stands beside them |
| Tools | The [notation](tools-and-reasoning.md#notations) in which tools are offered and calls are written; \`in words\`: this server describes them, as \`json\` |
| Calls read | Whether calls that the template writes into a conversation are read out of that text again |
| Calls forced | Whether \`tool_choice\` can force calls |
| Two calls replayed | How the two calls of one answer, and their results, are put back into the prompt: \`one a turn\` where the template takes one call in a message, \`as content\` where it leaves calls out |
| Thoughts split | The tag that opens a thought, or ends it where none opens it |
| Thoughts replayed | Where the template reads an earlier \`reasoning_content\` |
| Thinks by default | Whether the prompt without a word about thinking is the one with it; the variables that change it |

${line(columns)}
${line(columns.map(() => '---'))}
${rows.map((row) => line(columns.map((column) => row[column].replaceAll('\n', ' ')))).join('\n')}
`
}
