// Adds to package-lock.json the platform packages that the registry in use did not offer, so that `npm ci` accepts it
// on every platform. npm leaves out optional packages that it cannot fetch, and then calls its own lockfile incomplete.
// Run after any `npm install` behind a registry that mirrors one platform only.
import { readFileSync, writeFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const systems = [
  'android',
  'darwin',
  'linux',
  'win32',
  'freebsd',
  'netbsd',
  'openbsd',
  'sunos',
  'aix',
  'openharmony',
]
const processors = [
  'arm64',
  'x64',
  'ia32',
  'arm',
  'riscv64',
  'ppc64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
]
const aliases = { mac: 'darwin', win: 'win32', armv7l: 'arm' }

/** What a platform package's name says of where it runs. */
function platform(name) {
  const words = name.split(/[/-]/).map((word) => aliases[word] ?? word)
  const pick = (known) => words.filter((word) => known.includes(word))
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.includes('gnu')
      ? ['glibc']
      : []
  return Object.fromEntries(
    Object.entries({ os: pick(systems), cpu: pick(processors), libc }).filter(
      ([, values]) => values.length > 0,
    ),
  )
}

let added = 0
for (const { optionalDependencies = {}, dev } of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`
    if (lock.packages[path] !== undefined) continue
    const version = range.replace(/^[\^~]/, '')
    const where = platform(name)
    if (Object.keys(where).length === 0) continue
    lock.packages[path] = { version, ...(dev ? { dev: true } : {}), optional: true, ...where }
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added} platform packages added\n`)
