/** OpenAPI 3.1: the part of it that the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly 'x-ignored'?: readonly string[]
  readonly 'x-refused'?: Readonly<Record<string, string>>
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly (string | null)[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin:2.5rem 0 .5rem;font-size:1.1rem;border-top:1px solid #ddd;padding-top:1.5rem}code,h2{font-family:ui-monospace,monospace}
nav a{display:inline-block;margin-right:1rem}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #eee}.method{color:#777}.off{color:#777}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}a{color:#8bf}td,th{border-color:#333}h2{border-color:#444}}`

/** One page without scripts: every route, what its body may hold, and what it answers. */
export function apiPage({ info, paths }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const links = operations.map(
    ({ path, method }) => `<a href="#${anchor(method, path)}"><code>${escaped(path)}</code></a>`,
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(info.title)} API</title><style>${STYLE}</style>
<h1>${escaped(info.title)} ${escaped(info.version)}</h1><p>${escaped(info.description)}</p><p>Machines read <a href="/openapi.json">/openapi.json</a>.</p><nav>${links.join(' ')}</nav>
${operations.map(({ path, method, operation }) => section(path, method, operation)).join('\n')}
</html>
`
}

function section(path: string, method: string, operation: Operation): string {
  const schema = operation.requestBody?.content['application/json']?.schema
  const refused = Object.entries(operation['x-refused'] ?? {})
  const types = Object.keys(operation.responses['200']?.content ?? {})
  const rows = [
    ...rowsOf(schema, '', new Set(operation['x-ignored'])),
    ...refused.map(([name, reason]) => row(name, '', `refused: ${reason}`, true)),
  ]
  const table = rows.length === 0 ? '' : `<table><tr><th>Field<th>Takes<th></tr>${rows.join('')}</table>`
  return `<section id="${anchor(method, path)}"><h2><span class="method">${method.toUpperCase()}</span> ${escaped(path)}</h2>
<p>Answers ${types.map((type) => `<code>${escaped(type)}</code>`).join(' or ')}.</p>${table}</section>`
}

function rowsOf(schema: Schema | undefined, prefix: string, ignored: ReadonlySet<string>): string[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const note = ignored.has(path)
      ? 'taken, without effect'
      : schema?.required?.includes(name)
        ? 'required'
        : ''
    const below = [...rowsOf(field, `${path}.`, ignored), ...rowsOf(field.items, `${path}[].`, ignored)]
    return [row(path, takes(field), note, ignored.has(path)), ...below]
  })
}

function row(name: string, what: string, note: string, off: boolean): string {
  return `<tr${off ? ' class="off"' : ''}><td><code>${escaped(name)}</code><td>${escaped(what)}<td>${escaped(note)}</tr>`
}

function takes({ type, minimum, maximum, enum: values }: Schema): string {
  const range =
    minimum === undefined ? '' : maximum === undefined ? `from ${minimum}` : `${minimum} to ${maximum}`
  return [[type ?? []].flat().join(' or '), range, values?.join(', ') ?? '']
    .filter((text) => text !== '')
    .join('; ')
}

function anchor(method: string, path: string): string {
  return `${method}${path.replaceAll(/\W+/g, '-')}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
