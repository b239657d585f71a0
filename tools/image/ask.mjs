// Run by proof.sh inside of the restricted place: starts the server, asks for a chat, says what it saw. Exits 1 when
// something is not as it should be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

const base = 'http://127.0.0.1:8080'
const say = (text) => process.stdout.write(`proof: ${text}\n`)
const fail = (text) => {
  say(`FAILED: ${text}`)
  process.exit(1)
}

for (const folder of ['/', '/app', '/app/models', '/node', '/dev', '/usr']) {
  try {
    writeFileSync(`${folder}/written`, '')
    fail(`${folder} can be written`)
  } catch (error) {
    if (error.code !== 'EROFS' && error.code !== 'EACCES') throw error
  }
}
const capabilities = /CapEff:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
const interfaces = Object.keys(networkInterfaces()).join()
const { HOME = 'none' } = process.env
say(`Node ${process.version}, user ${process.getuid()}:${process.getgid()}, HOME ${HOME}`)
say(`capabilities ${capabilities}, network ${interfaces}, all but /tmp and /dev/shm read-only`)
if (!/^0+$/.test(capabilities) || interfaces !== 'lo' || HOME !== 'none')
  fail('the place is not as strict as it should be')

const server = spawn(
  process.execPath,
  ['/app/dist/main.js', '--host=127.0.0.1', '--port=8080', '--threads=1'],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)
const started = Date.now()
const ready = () =>
  fetch(`${base}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
while (!(await ready())) {
  if (server.exitCode !== null || Date.now() - started > 60_000) fail('the server is not ready')
  await pause(50)
}
say(`ready after ${Date.now() - started} ms`)
const response = await fetch(`${base}/v1/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    model: 'altiplano-demo',
    messages: [{ role: 'user', content: 'What is 17 + 25?' }],
  }),
})
const answer = (await response.json()).choices?.[0]?.message.content
say(`"What is 17 + 25?" was answered "${answer}"`)
if (!answer?.includes('42')) fail('the answer is wrong')
say(
  `in /tmp: ${readdirSync('/tmp').join(', ') || 'nothing'}; in /dev/shm: ${readdirSync('/dev/shm').length} entries`,
)
const exited = once(server, 'exit')
server.kill('SIGTERM')
const [code] = await exited
if (code !== 0) fail(`the server ended with ${code}`)
say('ended by SIGTERM with 0')
