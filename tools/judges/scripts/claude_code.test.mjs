// Claude Code in print mode with its own prompt and tools, by the Messages protocol.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const model = process.env.ALTIPLANO_MODEL
const program = join(process.cwd(), 'node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs')

/** The messages that it prints for one prompt. */
async function messages(prompt, ...flags) {
  const args = [
    program,
    '--print',
    prompt,
    '--output-format',
    'stream-json',
    '--verbose',
    '--model',
    model,
    ...flags,
  ]
  const run = promisify(execFile)(process.execPath, args, {
    cwd: mkdtempSync(join(tmpdir(), 'claude-code-')),
    timeout: 100_000,
    env: {
      ...process.env,
      ANTHROPIC_BASE_URL: process.env.ALTIPLANO_URL,
      ANTHROPIC_API_KEY: 'none',
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: '256',
      CLAUDE_CODE_MAX_RETRIES: '0',
      DISABLE_AUTOUPDATER: '1',
    },
  })
  run.child.stdin.end()
  const { stdout } = await run
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
}

const parts = (seen) => seen.flatMap(({ message }) => message?.content ?? [])

test('its first request is accepted, and the stream read to its end', async () => {
  const seen = await messages('What is 17 + 25?', '--tools', '')
  assert.match(seen.at(-1).result, /42/)
  assert.equal(seen.at(-1).is_error, false)
  assert.ok(seen.at(-1).usage.output_tokens > 0)
})

test('with all its tools, one is run and its result answered', async () => {
  const seen = await messages('Read the file notes.txt')
  const kinds = parts(seen).map(({ type }) => type)
  assert.ok(kinds.includes('tool_use') && kinds.includes('tool_result'), JSON.stringify(seen.at(-1)))
  assert.equal(seen.at(-1).subtype, 'success')
  assert.ok(seen.at(-1).num_turns > 1)
  assert.ok(seen.at(-1).result)
})
