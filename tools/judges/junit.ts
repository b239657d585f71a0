/** A test and how it ended, as a report says. */
export interface Outcome {
  readonly test: string
  readonly ended: 'passed' | 'failed' | 'skipped'
  /** Text of the failure, or why it was skipped. */
  readonly says: string
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Reads what pytest, node --test and schemathesis write as JUnit's XML. */
export function readJunit(xml: string): Outcome[] {
  return xml
    .split(/<testcase(?=\s)/)
    .slice(1)
    .map(outcomeOf)
}

function outcomeOf(chunk: string): Outcome {
  const head = /^(?:[^">]|"[^"]*")*/.exec(chunk)?.[0] ?? ''
  const body = head.endsWith('/') ? '' : (chunk.slice(head.length + 1).split('</testcase>')[0] ?? '')
  const folder = attribute(head, 'classname')
  const name = attribute(head, 'name')
  // node --test gives every test the class "test".
  const test = folder === '' || folder === 'test' ? name : `${folder}.${name}`
  if (/<(failure|error)[\s>]/.test(body)) return { test, ended: 'failed', says: text(body) }
  if (/<skipped[\s/>]/.test(body)) return { test, ended: 'skipped', says: text(body) }
  return { test, ended: 'passed', says: '' }
}

const attribute = (head: string, name: string): string =>
  decode(new RegExp(`\\s${name}="([^"]*)"`).exec(head)?.[1] ?? '')

const text = (body: string): string =>
  decode(`${attribute(body, 'message')}\n${body.replaceAll(/<!\[CDATA\[|\]\]>|<[^>]*>/g, '')}`).trim()

const decode = (encoded: string): string =>
  encoded.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? whole
  })
