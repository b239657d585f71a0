import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, readAnswer } from '../support/combined-answers.ts'
import {
  chatBody,
  chatFactors,
  completionBody,
  completionFactors,
  type Factor,
  type Wish,
} from '../support/combined-requests.ts'
import { coveringArray, type Pick, pairsOf } from '../support/covering-array.ts'
import { postJson } from '../support/http.ts'
import { writeInfillModel } from '../support/infill-model.ts'
import { startServer, type TestServer } from '../support/server.ts'

const page = readFileSync(new URL('../../docs/combinations.md', import.meta.url), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'altiplano-test-'))
const model = 'altiplano-demo'
let server: TestServer

beforeAll(async () => {
  const path = join(folder, 'infill.gguf')
  writeInfillModel(path, 801, 802, 803)
  server = await startServer([
    '--model',
    path,
    '--served-model-name',
    model,
    '--slots',
    '4',
    '--context-size',
    '512',
  ])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

/** A row of the page's table: two wishes that are refused together, and how. */
interface Refusal {
  readonly route: string
  readonly wishes: readonly string[]
  readonly code: string
  readonly param: string
}
const refusals = [...page.matchAll(/^\| `(\S+)` \| (.+?) \| (.+?) \| `(\w+)`, `(\w+)` \|/gm)].map(
  ([, route = '', one = '', other = '', code = '', param = '']): Refusal => ({
    route,
    wishes: [one, other].map((cell) => cell.replaceAll('`', '')),
    code,
    param,
  }),
)

interface Endpoint {
  readonly route: string
  readonly body: object
  readonly factors: readonly Factor[]
}
const endpoints: Endpoint[] = [
  { route: '/v1/chat/completions', body: chatBody, factors: chatFactors },
  { route: '/v1/completions', body: completionBody, factors: completionFactors },
]

const wishesOf = ({ factors }: Endpoint, picks: readonly Pick[]): Wish[] =>
  picks.flatMap(([factor, value]) => factors[factor]?.[value] ?? []).filter(({ name }) => name !== '')
const bodyOf = ({ body }: Endpoint, wishes: readonly Wish[]): Record<string, unknown> =>
  Object.assign({ model }, body, ...wishes.map(({ fields }) => fields))
const refusalOf = ({ route }: Endpoint, wishes: readonly Wish[]): Refusal | undefined =>
  refusals.find(
    (one) => one.route === route && one.wishes.every((name) => wishes.some((wish) => wish.name === name)),
  )

describe.each(endpoints)('combinations at $route', (endpoint) => {
  const sizes = endpoint.factors.map((factor) => factor.length)
  const apart = (...pair: Pick[]): boolean => refusalOf(endpoint, wishesOf(endpoint, pair)) !== undefined
  const rows = coveringArray(sizes, apart).map((row) =>
    wishesOf(
      endpoint,
      row.map((value, factor): Pick => [factor, value]),
    ),
  )
  const send = (body: object): Promise<Response> => postJson(server.url + endpoint.route, body)

  it.each(rows.map((wishes) => ({ name: wishes.map(({ name }) => name).join(', ') || 'nothing', wishes })))(
    `${endpoint.route} honours each of these wishes in one request: $name`,
    async ({ wishes }) => {
      const body = bodyOf(endpoint, wishes)
      const ask = async (fields: object): Promise<Answer> => readAnswer(await send({ ...body, ...fields }))
      const answer = await ask({})
      for (const { finish, tokens } of answer.choices) {
        expect(finish).toMatch(/^(stop|length|tool_calls)$/)
        if (body['logprobs'] === undefined) expect(tokens).toBeUndefined()
      }
      if (answer.usage !== undefined) {
        const { prompt_tokens, completion_tokens, total_tokens } = answer.usage
        expect(total_tokens).toBe(prompt_tokens + completion_tokens)
      }
      for (const { law } of wishes) await law?.({ body, answer, ask })
    },
  )

  const refused = refusals.filter(({ route }) => route === endpoint.route)
  it.runIf(refused.length > 0).each(refused)('$route refuses $wishes', async ({ wishes, code, param }) => {
    const all = endpoint.factors.flat()
    const both = wishes.map((name) => all.find((wish) => wish.name === name) as Wish)
    for (const wish of both) expect((await send(bodyOf(endpoint, [wish]))).status).toBe(200)
    const answer = await send(bodyOf(endpoint, both))
    const { error } = (await answer.json()) as { error: { code: string; param: string; message: string } }
    expect([answer.status, error.code, error.param.split('.')[0]]).toEqual([400, code, param])
    expect(Object.keys(Object.assign({}, ...both.map(({ fields }) => fields)))).toContain(param.split('.')[0])
  })

  it(`every pair of the wishes for ${endpoint.route} is in some row`, () => {
    const seen = rows.map((wishes) => new Set(wishes.map(({ name }) => name)))
    const missing = pairsOf(sizes, apart).filter((pair) => {
      const names = wishesOf(endpoint, pair).map(({ name }) => name)
      return !seen.some((row) => names.every((name) => row.has(name)))
    })
    expect(missing).toEqual([])
  })
})
