import { readdirSync, readFileSync } from 'node:fs'
import { offencesIn } from './offences.ts'
import { placesInTestNames } from './test-names.ts'

const src = new URL('../../src/', import.meta.url)
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .sort()

const found = files.flatMap((path) =>
  offencesIn(path, readFileSync(new URL(path, src), 'utf8')).map(
    ({ line, rule, advice }) => `src/${path}:${line}: ${rule}: ${advice}\n`,
  ),
)
found.push(...placesInTestNames(new URL('../../test/', import.meta.url)))
process.stderr.write(found.join(''))
process.stdout.write(
  `prose: ${files.length} files of src and the names of tests, ${found.length} places to mend\n`,
)
process.exitCode = found.length > 0 ? 1 : 0
