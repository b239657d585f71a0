import type { FuzzRequest } from './requests.ts'

/** As a file of the corpus holds it: the body as text where it is UTF-8, else in base64. */
interface FuzzCase extends Omit<FuzzRequest, 'body' | 'route'> {
  readonly route?: string
  readonly text?: string
  readonly base64?: string
  readonly faults?: readonly string[]
}

export function caseText({ body, route, ...request }: FuzzRequest, faults?: readonly string[]): string {
  const text = body?.toString('utf8')
  const whole = text !== undefined && Buffer.from(text).equals(body ?? Buffer.alloc(0))
  const written: FuzzCase = {
    ...request,
    ...(route !== undefined && { route }),
    ...(body !== undefined && (whole ? { text } : { base64: body.toString('base64') })),
    ...(faults && { faults }),
  }
  return `${JSON.stringify(written, null, 2)}\n`
}

export function readCase(json: string): FuzzRequest {
  const { text, base64, route, faults: _, ...request } = JSON.parse(json) as FuzzCase
  const body = text === undefined ? base64 && Buffer.from(base64, 'base64') : Buffer.from(text)
  return { ...request, route, body: body || undefined }
}
