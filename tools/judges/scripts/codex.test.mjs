// Codex CLI with its own prompt and tools, by the Responses protocol.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const home = join(homedir(), '.codex')
mkdirSync(home, { recursive: true })
writeFileSync(
  join(home, 'config.toml'),
  `
model = "${process.env.ALTIPLANO_MODEL}"
model_provider = "altiplano"
model_context_window = 200000
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.altiplano]
name = "Altiplano"
base_url = "${process.env.ALTIPLANO_URL}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`,
)

/** The events that it prints for one prompt. */
async function events(prompt) {
  const run = promisify(execFile)(
    process.execPath,
    ['node_modules/@openai/codex/bin/codex.js', 'exec', '--json', '--skip-git-repo-check'].concat([
      '--sandbox',
      'read-only',
      '--cd',
      mkdtempSync(join(tmpdir(), 'codex-')),
      prompt,
    ]),
    { env: { ...process.env, CODEX_HOME: home }, timeout: 100_000 },
  )
  run.child.stdin.end()
  const { stdout } = await run
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
}

test('its first request is accepted, and the stream read to its end', async () => {
  const seen = await events('What is 17 + 25?')
  const answer = seen.find(({ item }) => item?.type === 'agent_message')
  assert.match(answer?.item.text ?? JSON.stringify(seen), /42/)
  assert.ok(seen.at(-1).usage?.output_tokens > 0, JSON.stringify(seen.at(-1)))
})

test('a tool is run and its result answered', async () => {
  const seen = await events('Use the tool get_goal.')
  assert.equal(seen.at(-1).type, 'turn.completed', JSON.stringify(seen))
  // What get_goal returns.
  assert.match(seen.findLast(({ item }) => item?.type === 'agent_message').item.text, /null/)
})
