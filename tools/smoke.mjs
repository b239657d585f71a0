// Does what the README promises after `npm ci`: `npm start`, a chat by HTTP, ctrl-C. Exits 1 when a promise breaks.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

// A fresh clone has nothing built.
rmSync('dist', { recursive: true, force: true })
const port = 18080 + (process.pid % 1000)
const child = spawn('npm', ['start', '--', '--port', String(port)], { stdio: 'inherit', detached: true })
const base = `http://127.0.0.1:${port}`
const deadline = Date.now() + 60_000
let ready = false
while (!ready && Date.now() < deadline) {
  await pause(100)
  ready = await fetch(`${base}/health/ready`).then(
    (response) => response.ok,
    () => false,
  )
}
let text = ''
if (ready) {
  const { data } = await (await fetch(`${base}/v1/models`)).json()
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: data[0].id, messages: [{ role: 'user', content: '2+2=' }], stream: true }),
  })
  text = await response.text()
}
const exited = once(child, 'exit')
process.kill(-child.pid, 'SIGINT')
await exited
const passed = ready && text.includes('4') && text.trimEnd().endsWith('data: [DONE]')
process.stdout.write(
  passed ? 'smoke: npm start serves a streaming chat\n' : `smoke failed: ready ${ready}, got ${text}\n`,
)
process.exitCode = passed ? 0 : 1
