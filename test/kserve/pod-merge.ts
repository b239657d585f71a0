/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Lists of a pod that Kubernetes merges by a key of their items. All others are replaced. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  imagePullSecrets: 'name',
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Kubernetes: the strategic merge of a pod over another, by which KServe layers presets, baseRefs and the service. */
export function mergePod(under: Json, over: Json): Json {
  return merge(under, over, '')
}

function merge(under: Json | undefined, over: Json, field: string): Json {
  if (isObject(under) && isObject(over)) return mergeObjects(under, over)
  const key = mergeKeys[field]
  if (key !== undefined && Array.isArray(under) && Array.isArray(over)) return mergeLists(under, over, key)
  return over
}

function mergeObjects(under: JsonObject, over: JsonObject): JsonObject {
  const merged = Object.entries(over).map(([name, value]) => [name, merge(under[name], value, name)])
  return { ...under, ...Object.fromEntries(merged) }
}

function mergeLists(under: readonly Json[], over: readonly Json[], key: string): Json[] {
  const keyOf = (item: Json): Json | undefined => (isObject(item) ? item[key] : undefined)
  const merged = under.map((item) => {
    const match = over.find((each) => keyOf(each) === keyOf(item))
    return match === undefined ? item : merge(item, match, '')
  })
  const known = new Set(under.map(keyOf))
  return [...merged, ...over.filter((item) => !known.has(keyOf(item)))]
}
