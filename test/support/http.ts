/** POSTs a body as JSON; a string or bytes go as they are. */
export function postJson(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const raw = typeof body === 'string' || Buffer.isBuffer(body)
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: raw ? body : JSON.stringify(body),
  })
}

/** An event of a stream whose events have names; its data have the name as their type. */
export interface NamedEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** The events of a stream as they are on the wire, without comments. @throws Error where a name differs from the type. */
export async function namedEvents(response: Response): Promise<NamedEvent[]> {
  return framesOf(await response.text()).map((frame) => {
    const [, name, json = ''] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? []
    const event = JSON.parse(json) as NamedEvent
    if (event.type !== name) throw new Error(`an event named ${name} is of type ${event.type}`)
    return event
  })
}

/** The chunks of a stream of OpenAI's older protocols, without comments. @throws Error where it does not end with [DONE]. */
export async function chunksOf<T>(response: Response): Promise<T[]> {
  const frames = framesOf(await response.text())
  if (frames.pop() !== 'data: [DONE]') throw new Error('the stream does not end with [DONE]')
  return frames.map((frame) => JSON.parse(frame.replace(/^data: /, '')) as T)
}

const framesOf = (text: string): string[] =>
  text.split('\n\n').filter((frame) => frame !== '' && !frame.startsWith(':'))
