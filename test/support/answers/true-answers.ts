import { afterAll, afterEach } from 'vitest'
import { recordAnswers } from '../server.ts'
import { wrongIn } from './judge.ts'
import { RecordedAnswers } from './recorded.ts'

/** For every test file: whatever a server of it answers, to whatever client, is as docs/openapi.json says, or the test fails. */
const recorded = new RecordedAnswers()
recordAnswers(recorded)

function check(): void {
  const wrong = new Set(recorded.take().flatMap((answer) => wrongIn(answer) ?? []))
  if (wrong.size > 0) throw new Error(`docs/openapi.json is not true:\n${[...wrong].join('\n')}`)
}

afterEach(check)
afterAll(() => {
  try {
    check()
  } finally {
    recorded.remove()
  }
})
