import { errorKinds } from '../../src/base/errors.ts'
import { wrongIn } from '../../test/support/answers/judge.ts'
import type { FuzzRequest } from './requests.ts'
import { streamFaults } from './stream-laws.ts'
import type { WireAnswer } from './wire.ts'

const statuses: ReadonlySet<number> = new Set(Object.values(errorKinds).map(({ status }) => status))

/** A client waits so long for a small answer on a busy machine, never longer. */
const SLOW_MS = 20_000

/** What is wrong with an answer, in words; empty: it keeps every law. */
export function faultsOf(request: FuzzRequest, answer: WireAnswer | undefined): string[] {
  if (answer === undefined) return request.plainHttp ? ['closed without an answer'] : []
  const { status, headers, ms } = answer
  const faults: string[] = []
  if (ms > SLOW_MS) faults.push(`took ${Math.round(ms)} ms`)
  if (!headers.has('x-request-id')) faults.push('no x-request-id')
  if (request.good && status !== 200) faults.push(`a good request answered ${status}`)
  if (request.method === 'HEAD') return faults
  return [...faults, ...(status === 200 ? faultsOfSuccess(request, answer) : faultsOfError(request, answer))]
}

function faultsOfError(request: FuzzRequest, { status, headers, body }: WireAnswer): string[] {
  const ollama = request.route?.startsWith('/api/') === true
  const anthropic = request.route?.startsWith('/v1/messages') === true
  if (!statuses.has(status) && !(status === 529 && request.path.includes('/messages')))
    return [`status ${status} is not in the catalogue`]
  const faults: string[] = []
  if (status === 500) faults.push('status 500')
  if ((status === 429 || status === 503 || status === 529) && !headers.has('retry-after'))
    faults.push('no retry-after')
  if (!headers.get('content-type')?.startsWith('application/json')) faults.push('an error that is not JSON')
  const parsed = parse(body)
  if (parsed === undefined) return [...faults, `an error that cannot be parsed: ${body.slice(0, 100)}`]
  const openAi = openAiFault(parsed, status)
  const messages = anthropicFault(parsed)
  const plain = ollamaFault(parsed)
  // Who speaks badly at the level of HTTP, or asks elsewhere, is answered in any of the shapes.
  const own = anthropic ? messages : ollama ? plain : openAi
  const fault = request.plainHttp ? own : openAi && messages && plain
  return fault === undefined ? faults : [...faults, fault]
}

function openAiFault(parsed: unknown, status: number): string | undefined {
  const error = field(parsed, 'error')
  const { message, type, param, code } = (error ?? {}) as Record<string, unknown>
  if (typeof message !== 'string' || message === '' || message.length > 1024)
    return 'an error without a message'
  if (typeof code !== 'string' || !Object.hasOwn(errorKinds, code))
    return `unknown error code ${String(code)}`
  const kind = errorKinds[code as keyof typeof errorKinds]
  if (kind.type !== type || kind.status !== status)
    return `${code} with type ${String(type)} and status ${status}`
  if (param !== null && typeof param !== 'string') return 'param is neither text nor null'
  return leaks(message)
}

function anthropicFault(parsed: unknown): string | undefined {
  const { type, message } = (field(parsed, 'error') ?? {}) as Record<string, unknown>
  const whole = field(parsed, 'type') === 'error' && typeof field(parsed, 'request_id') === 'string'
  if (!whole || typeof type !== 'string' || typeof message !== 'string') return "not an error of Anthropic's"
  return leaks(message)
}

function ollamaFault(parsed: unknown): string | undefined {
  const message = field(parsed, 'error')
  return typeof message === 'string' && message !== '' ? leaks(message) : "not an error of Ollama's"
}

/** Nothing of the inside is told. */
function leaks(message: string): string | undefined {
  return /\bat .+:\d+:\d+|node_modules|0x[\da-f]{6,}|TypeError|RangeError|undefined/.test(message)
    ? `tells of the inside: ${message.slice(0, 200)}`
    : undefined
}

function faultsOfSuccess(request: FuzzRequest, { headers, body }: WireAnswer): string[] {
  const [type = ''] = (headers.get('content-type') ?? '').split(';')
  if (type === 'text/event-stream') return streamFaults(request.route, body)
  const { route, method, path } = request
  if (route === undefined) return []
  if (type === 'application/json' && parse(body) === undefined) return ['a success that cannot be parsed']
  const asked = { method, url: path, body: request.body?.toString('latin1') }
  const wrong = wrongIn({ asked, status: 200, type, body, whole: true })
  const faults = wrong === undefined ? [] : [wrong]
  if (route === '/v1/chat/completions' || route === '/v1/completions')
    faults.push(...choiceFaults(parse(body)))
  return faults
}

const reasons: ReadonlySet<unknown> = new Set([
  'stop',
  'length',
  'tool_calls',
  'content_filter',
  'function_call',
])

function choiceFaults(parsed: unknown): string[] {
  const { choices, usage } = parsed as { choices?: unknown; usage?: Record<string, number> }
  if (!Array.isArray(choices) || choices.length === 0) return ['no choices']
  const faults = choices.flatMap((choice: Record<string, unknown>, index) => [
    ...(choice['index'] === index ? [] : ['choices out of order']),
    ...(reasons.has(choice['finish_reason']) ? [] : [`finish_reason ${String(choice['finish_reason'])}`]),
  ])
  const { prompt_tokens = Number.NaN, completion_tokens = Number.NaN, total_tokens } = usage ?? {}
  if (prompt_tokens + completion_tokens !== total_tokens) faults.push('usage does not add up')
  return faults
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
