/** Statements that end with one of their own name; `set` only where it has no `=`. */
const BLOCKS = ['if', 'for', 'macro', 'filter', 'call', 'set', 'generation', 'block', 'raw']

interface Statement {
  readonly word: string
  readonly line: number
}

/** Why a template cannot be rendered, with its line where it can be found. @param reason what llama.cpp's engine says, which names few lines. */
export function templateFault(template: string, reason: string): string {
  const cause = reason
    // llama.cpp: the place in the source, and what was wrong there.
    .replace(/^[\s\S]*\nError: /, '')
    .replace(/\n\.\.\.[\s\S]*$/, '')
    .replace(/^AddonJinjaRenderer: failed to (compile|render) template: /, '')
  const place = lineOf(template, reason)
  return place === undefined ? cause : `line ${place.line}: ${place.cause ?? cause}`
}

function lineOf(template: string, reason: string): { line: number; cause?: string } | undefined {
  const given = /at line (\d+), column/.exec(reason)?.[1]
  if (given !== undefined) return { line: Number(given) }
  const [, shown, indent] = /\n\.\.\.([^\n]*)\.\.\.\n( *)\^/.exec(reason) ?? []
  const at = shown === undefined ? -1 : template.indexOf(shown.replaceAll('↵', '\n'))
  if (at >= 0) return { line: lineAt(template, at + Math.max(0, (indent ?? '').length - 3)) }
  const statements = statementsOf(template)
  const named = /Unknown statement: (\w+)/.exec(reason)?.[1]
  return (
    unmatched(statements) ?? statements.flatMap(({ word, line }) => (word === named ? [{ line }] : []))[0]
  )
}

/** The first statement that ends no block, or a block that nothing ends. */
function unmatched(statements: readonly Statement[]): { line: number; cause: string } | undefined {
  const open: Statement[] = []
  for (const statement of statements) {
    const { word, line } = statement
    if (BLOCKS.includes(word)) open.push(statement)
    else if (word.startsWith('end')) {
      const begun = open.pop()
      if (begun === undefined) return { line, cause: `'${word}' ends nothing` }
      if (word !== `end${begun.word}`) return { line: begun.line, cause: `'${begun.word}' is not ended` }
    }
  }
  const left = open.at(-1)
  return left && { line: left.line, cause: `'${left.word}' is not ended` }
}

function statementsOf(template: string): Statement[] {
  const found: Statement[] = []
  for (const { 0: text, 1: word, 2: rest = '', index } of template.matchAll(
    /\{#[\s\S]*?#\}|\{%[-+]?\s*(\w+)([\s\S]*?)%\}/g,
  )) {
    if (word === undefined || (word === 'set' && rest.includes('='))) continue
    found.push({ word, line: lineAt(template, index + text.indexOf(word)) })
  }
  return found
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
