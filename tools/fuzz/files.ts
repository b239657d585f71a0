// Changes model, configuration and key files, and requires a clear refusal or a success of each: npm run test:fuzz:files
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ggufBytes, ggufSpec } from '../../test/models/gguf-writer.ts'
import { breakBytes } from './body-mutations.ts'
import { Draw } from './draw.ts'
import { readers, readingFault } from './file-laws.ts'
import { mutateGguf } from './gguf-mutations.ts'
import { breakYaml } from './yaml-mutations.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    failures: { type: 'string', default: 'fuzz-failures' },
  },
})
const SECRET = 'sk-canary-0123456789abcdef'
const model = readFileSync(new URL('../../models/altiplano-demo.gguf', import.meta.url))
const tiny = ggufBytes(ggufSpec())
const config = `port: 8081\nslots: 4\nmodel: ./model.gguf\nserved-model-name: a,b\nlog-level: info\n`
const keys = `keys:\n  - name: a\n    key: ${SECRET}\n    max_concurrent: 2\n  - name: b\n    key: sha256:${'ab'.repeat(32)}\n`

type Kind = keyof typeof readers
const makers: Readonly<Record<Kind, (draw: Draw) => Buffer>> = {
  // The real header is 100 kB of vocabulary; the small one is all structure.
  gguf: (draw) => (draw.once(4) ? mutateGguf(model, 100_000, draw) : mutateGguf(tiny, tiny.length, draw)),
  config: (draw) => changedText(config, draw),
  keys: (draw) => changedText(keys, draw),
}
const kinds: readonly Kind[] = ['gguf', 'gguf', 'gguf', 'gguf', 'config', 'keys']

const seed = Number(values.seed)
const folder = mkdtempSync(join(tmpdir(), 'altiplano-fuzz-'))
const first = Number(values.only ?? 0)
const end = values.only === undefined ? Number(values.files) : first + 1
let failed = 0
for (let index = first; index < end; index++) {
  const draw = new Draw(seed, index)
  const kind = draw.of(kinds)
  const bytes = makers[kind](draw)
  const path = join(folder, `changed.${kind}`)
  writeFileSync(path, bytes)
  const fault = await readingFault(() => readers[kind](path), kind === 'keys' ? SECRET : undefined)
  if (fault === undefined) continue
  failed++
  console.log(`FAULT --seed ${seed} --only ${index}: ${kind}: ${fault}`)
  mkdirSync(values.failures, { recursive: true })
  writeFileSync(join(values.failures, `${seed}-${index}.${kind}`), bytes)
}
rmSync(folder, { recursive: true })
console.log(`seed ${seed}: ${end - first - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function changedText(text: string, draw: Draw): Buffer {
  const changed = draw.once(2) ? breakYaml(text, draw) : text
  return draw.once(2) ? breakBytes(Buffer.from(changed), draw) : Buffer.from(changed)
}
