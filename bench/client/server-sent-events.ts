/** Cuts a byte stream into the `data:` payloads of its events; comments and other fields are dropped. */
export class EventReader {
  readonly #decoder = new TextDecoder()
  #rest = ''

  push(bytes: Uint8Array): string[] {
    const events = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n\r?\n/)
    this.#rest = events.pop() ?? ''
    return events.flatMap(dataOf)
  }
}

function dataOf(event: string): string[] {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'))
  return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).trimStart()).join('\n')]
}
