/** What is wrong with a stream of events; empty: it is whole. */
export function streamFaults(route: string | undefined, body: string): string[] {
  const frames = body.split('\n\n').filter((frame) => frame.trim() !== '' && !/^(:.*\n?)+$/.test(frame))
  const events = frames.map((frame) => ({
    name: /^event: (.*)$/m.exec(frame)?.[1],
    data: /^data: (.*)$/m.exec(frame)?.[1],
  }))
  const faults = events.flatMap(({ data }) =>
    readable(data) ? [] : [`an event that is not JSON: ${data?.slice(0, 80)}`],
  )
  const failed = events.find(({ data }) =>
    /"code":"(engine_failed|internal_error)"|"type":"api_error"/.test(data ?? ''),
  )
  if (failed !== undefined) faults.push(`failed in its middle: ${failed.data?.slice(0, 200)}`)
  const last = events.at(-1)
  if (last === undefined) return [...faults, 'an empty stream']
  if (!isEnd(route, last.name, last.data))
    faults.push(`ends with ${last.name ?? ''} ${last.data?.slice(0, 120)}`)
  return faults
}

function readable(data: string | undefined): boolean {
  if (data === '[DONE]') return true
  try {
    return typeof JSON.parse(data ?? '') === 'object'
  } catch {
    return false
  }
}

const lastNames: ReadonlySet<unknown> = new Set([
  'message_stop',
  'response.completed',
  'response.incomplete',
  'response.failed',
])

/** OpenAI's streams end with [DONE], llama-server's with what stopped them, those with names with their last event; all of them with an error, too. */
function isEnd(route: string | undefined, name: string | undefined, data: string | undefined): boolean {
  if (name === 'error' || data?.startsWith('{"error":')) return true
  if (name === undefined && data?.includes('"stop":true,"stop_type":')) return true
  const named = route === '/v1/messages' || route === '/v1/responses'
  if (route === undefined) return data === '[DONE]' || lastNames.has(name)
  return named ? lastNames.has(name) : data === '[DONE]'
}
