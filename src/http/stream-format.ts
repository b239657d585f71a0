/** Form of a stream on the wire. */
export interface StreamFormat {
  readonly contentType: string
  /** One value as it is sent. */
  frame(value: object): string
  /** A sign of life, which clients skip. @param text for those who read the bytes, where the form has room for it. */
  comment(text: string): string
  /** Last frame of a stream that has come to its end; empty: there is none. */
  readonly end: string
}

const EVENT_STREAM = { contentType: 'text/event-stream', comment: (text: string) => `: ${text}\n\n` }

/** Server-sent events without a name. llama-server's own streams just end. */
export const plainEvents: StreamFormat = {
  ...EVENT_STREAM,
  frame: (value) => `data: ${JSON.stringify(value)}\n\n`,
  end: '',
}

/** Server-sent events as OpenAI's older protocols have them. */
export const eventsUntilDone: StreamFormat = { ...plainEvents, end: 'data: [DONE]\n\n' }

/** Server-sent events that are named by their `type`. */
export const namedEvents: StreamFormat = {
  ...EVENT_STREAM,
  frame: (value) => `event: ${(value as { type?: string }).type}\ndata: ${JSON.stringify(value)}\n\n`,
  end: '',
}

/** Characters at which Python's str.splitlines ends a line, beside those that JSON escapes. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** JSON texts, one a line. An empty line is an error to Ollama's clients: a space before the next text is not. */
export const jsonLines: StreamFormat = {
  contentType: 'application/x-ndjson',
  frame: (value) => `${JSON.stringify(value).replace(LINE_ENDS, escaped)}\n`,
  comment: () => ' ',
  end: '',
}
