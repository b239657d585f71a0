import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { RequestTrace } from '../../src/generation/request-trace.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { OtlpSpan } from '../../src/observability/tracing/otlp.ts'
import { requestSpans } from '../../src/observability/tracing/request-spans.ts'
import { SpanExporter } from '../../src/observability/tracing/span-exporter.ts'
import { metric } from '../support/metrics.ts'
import { startServer } from '../support/server.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Takes what a collector takes. */
async function collector(status = 200): Promise<{ url: string; bodies: string[]; spans(): OtlpSpan[] }> {
  const bodies: string[] = []
  const http = createServer(async (request, response) => {
    let body = `${request.url} ${JSON.stringify(request.headers)}\n`
    for await (const chunk of request) body += String(chunk)
    bodies.push(body)
    response.writeHead(status).end('{}')
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  closing.push(async () => http.close())
  const spans = (): OtlpSpan[] =>
    bodies.flatMap((body) => JSON.parse(body.slice(body.indexOf('\n'))).resourceSpans[0].scopeSpans[0].spans)
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, bodies, spans }
}

const values = ({ attributes }: OtlpSpan): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

it('each request is a trace of its parts, in the trace of its caller, without any of its text', async () => {
  const { url, bodies, spans } = await collector()
  const server = await startServer(['--otlp-endpoint', url, '--served-model-name', 'demo'])
  closing.push(() => server.stop())
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer canary-key', ...headers },
      body: JSON.stringify(body),
    })
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const chat = {
    model: 'demo',
    user: 'canary-user',
    messages: [{ role: 'user', content: 'Tell me of the canary-prompt' }],
    response_format: { type: 'json_object' },
    max_tokens: 12,
    temperature: 0,
  }
  const answer = await post('/v1/chat/completions?q=canary-query', chat, {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  })
  const { usage, choices } = (await answer.json()) as {
    usage: { prompt_tokens: number; completion_tokens: number }
    choices: [{ message: { content: string }; finish_reason: string }]
  }
  await (await post('/v1/completions', { model: 'canary-model', prompt: 'canary-prompt' })).text()
  await (
    await post(
      '/v1/completions',
      { model: 'demo', prompt: 'x' },
      { traceparent: `00-${'a'.repeat(32)}-00f067aa0ba902b7-00` },
    )
  ).text()
  await server.stop()

  const mine = spans().filter((span) => span.traceId === traceId)
  const root = mine.find(({ kind }) => kind === 2) as OtlpSpan
  expect(root).toMatchObject({ name: 'chat demo', parentSpanId: '00f067aa0ba902b7', status: {} })
  expect(values(root)).toMatchObject({
    'http.route': '/v1/chat/completions',
    'http.response.status_code': '200',
    'altiplano.request.id': answer.headers.get('x-request-id'),
    'gen_ai.operation.name': 'chat',
    'gen_ai.usage.input_tokens': String(usage.prompt_tokens),
    'gen_ai.usage.output_tokens': String(usage.completion_tokens),
    'gen_ai.response.finish_reasons': { values: [{ stringValue: choices[0].finish_reason }] },
  })
  const parts = mine.filter(({ kind }) => kind === 1)
  expect(parts.map(({ name }) => name).sort()).toEqual([
    'compile',
    'decode',
    'prefill',
    'queue',
    'template',
    'tokenize',
  ])
  for (const part of parts) {
    expect(part.parentSpanId).toBe(root.spanId)
    for (const at of [part.startTimeUnixNano, part.endTimeUnixNano]) {
      expect(BigInt(at)).toBeGreaterThanOrEqual(BigInt(root.startTimeUnixNano))
      expect(BigInt(at)).toBeLessThanOrEqual(BigInt(root.endTimeUnixNano))
    }
  }
  const refused = spans().find((span) => values(span)['error.type'] !== undefined) as OtlpSpan
  expect([refused.name, refused.status, values(refused)['error.type']]).toEqual([
    'text_completion demo',
    { code: 2 },
    'model_not_found',
  ])
  // Who says that a trace is not sampled is heard.
  expect(spans().filter((span) => span.traceId === 'a'.repeat(32))).toEqual([])
  expect(bodies.join()).toContain('/v1/traces')
  expect(bodies.join()).not.toContain('canary')
  expect(server.logs.join()).not.toContain('canary-prompt')
})

it('a collector that is gone costs its spans only, and is reported once', async () => {
  const warnings: object[] = []
  const { url } = await collector(500)
  const metrics = new Metrics('demo')
  const log = { warn: (fields: object) => void warnings.push(fields) }
  const exporter = new SpanExporter({ endpoint: url, headers: {}, resource: {}, metrics, log })
  const span = requestSpans(
    {
      trace: { id: 'a', startedAt: 0, parts: [], generations: [], restarts: 0 } as unknown as RequestTrace,
      traceparent: 'nonsense',
      method: 'POST',
      route: '/v1/responses',
      status: 200,
      failure: undefined,
      aborted: false,
    },
    'demo',
  )
  for (let round = 0; round < 2; round++) {
    exporter.add(span)
    await exporter.flush()
  }
  exporter.add(Array.from({ length: 5000 }, () => span).flat())
  await exporter.close()
  expect(warnings).toEqual([{ reason: 'the collector answered 500' }])
  expect(await metric(metrics, 'altiplano_trace_spans_dropped_total')).toBe(5002)
})
