import type { Json } from './pod-merge.ts'

/** The part of Go's templates that a config may use. @throws Error for a field that is missing, as KServe does. */
export function renderTemplate(text: string, data: Json): string {
  const conditional = /\{\{\s*if ([^}]*?)\s*\}\}(.*?)(?:\{\{\s*else\s*\}\}(.*?))?\{\{-?\s*end\s*\}\}/gs
  const chosen = text.replace(conditional, (_, path: string, then: string, otherwise = '') =>
    fieldOf(data, path) ? then : otherwise,
  )
  return chosen.replace(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (_, path: string) => String(fieldOf(data, path)))
}

function fieldOf(data: Json, path: string): Json {
  if (!/^(\.\w+)+$/.test(path)) throw new Error(`not a field: ${path}`)
  let value: Json | undefined = data
  for (const name of path.slice(1).split('.')) {
    value = (value as { readonly [key: string]: Json } | undefined)?.[name]
    if (value === undefined) throw new Error(`no field ${path}`)
  }
  return value
}

/** Every text of a value, rendered. */
export function renderAll(value: Json, data: Json): Json {
  if (typeof value === 'string') return renderTemplate(value, data)
  if (Array.isArray(value)) return value.map((each) => renderAll(each, data))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, renderAll(each, data)]))
}
