import type { Draw } from './draw.ts'

type Header = readonly [string, string]

export function oddMethod(draw: Draw): string {
  return draw.of([
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'HEAD',
    'TRACE',
    'PROPFIND',
    'NOPE',
    'post',
  ])
}

export function oddPath(path: string, draw: Draw): string {
  return draw.of([
    `${path}/`,
    `/${path}`,
    `${path}?${'a=b&'.repeat(200)}`,
    `${path}?x=%zz&__proto__=1`,
    `${path}#fragment`,
    path.toUpperCase(),
    path.replaceAll('/', '%2f'),
    path.replace('/v1', '/openai/v1'),
    path.replace('/v1', '/v1/..'),
    `/v1/./..//${path}`,
    `${path};a=b`,
    `${path}%00`,
    `${path}%`,
    `/v1/models/${'a'.repeat(5000)}`,
    '/v1/models/..%2f..%2fetc%2fpasswd',
    '/v1/models/__proto__',
    '/v2/models/__proto__/ready',
    '/v2/models//infer',
    '/v1/models/:predict',
    `http://127.0.0.1${path}`,
    '*',
    '/',
    '//',
    '/é',
    '/%F0%9F%98%80',
    `/${'a/'.repeat(3000)}`,
    '/nowhere',
    '/v1/messages/nowhere',
  ])
}

const types = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/json; charset="utf-8"',
  'application/json garbage',
  'application/json\ta',
  'APPLICATION/JSON',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  '',
  'a'.repeat(500),
]

const more: readonly Header[] = [
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity'],
  ['content-encoding', 'x'],
  ['accept', 'image/png'],
  ['accept', 'text/event-stream'],
  ['accept-encoding', 'gzip, br;q=0'],
  ['authorization', 'Bearer '],
  ['authorization', `Bearer ${'k'.repeat(8000)}`],
  ['authorization', 'Basic Zm9vOmJhcg=='],
  ['x-api-key', 'é'],
  ['x-request-id', 'a b'],
  ['x-request-id', 'x'.repeat(1000)],
  ['ce-id', '<script>'],
  ['traceparent', '00-00000000000000000000000000000000-0000000000000000-00'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['traceparent', 'ff-zz'],
  ['tracestate', 'a=b,'.repeat(200)],
  ['anthropic-version', '1999-01-01'],
  ['anthropic-beta', 'nothing,,'],
  ['openai-organization', '../..'],
  ['expect', '100-continue'],
  ['expect', 'nothing'],
  ['connection', 'upgrade'],
  ['upgrade', 'websocket'],
  ['upgrade', 'h2c'],
  ['host', ''],
  ['host', 'a/?b'],
  ['host', 'second.example'],
  ['x-forwarded-for', '127.0.0.1, ::1'],
  ['range', 'bytes=0-1'],
  ['if-none-match', '*'],
  ['content-length', '0'],
  ['content-length', '-1'],
  ['content-length', '99999999999999999999'],
  ['transfer-encoding', 'gzip'],
  ['transfer-encoding', 'chunked'],
  ['last-event-id', '5'],
  ['prefer', 'respond-async'],
  ['origin', 'null'],
  ['cookie', 'a'.repeat(4000)],
  ['bad name', 'x'],
  ['x-nul', 'a\u0000b'],
  ['x-fold', 'a\r\n b'],
]

export function addOddHeader(headers: readonly Header[], draw: Draw): Header[] {
  const kept = headers.filter(() => draw.below(4) > 0)
  const kind = draw.below(10)
  if (kind < 3) return [...kept, ['content-type', draw.of(types)]]
  if (kind === 3) return [...headers, ...Array.from({ length: 1000 }, (_, i): Header => [`x-${i}`, 'a'])]
  if (kind === 4) return [...headers, ['x-large', 'a'.repeat(20_000)]]
  return [...headers, ...Array.from({ length: 1 + draw.below(3) }, () => draw.of(more))]
}
