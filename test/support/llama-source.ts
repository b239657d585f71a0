import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const installed = fileURLToPath(new URL('../../node_modules/', import.meta.url))
/** node-llama-cpp: its folder holds the source of llama.cpp that its binaries are built from, as a git bundle. */
const BUNDLE = join(installed, 'node-llama-cpp/llama/gitRelease.bundle')
const CACHE = join(installed, '.cache/altiplano')

/** Folder `models` of llama.cpp's source: real vocabularies with their test vectors, and `templates/`. Throws where git is missing. */
export function llamaModels(): string {
  const { tag } = JSON.parse(readFileSync(join(dirname(BUNDLE), 'llama.cpp.info.json'), 'utf8')) as {
    tag: string
  }
  const place = join(CACHE, `llama.cpp-${tag}`)
  if (!existsSync(place)) extract(place)
  return join(place, 'models')
}

/** Chat templates of real models: the source's name of each, and its text. */
export function realTemplates(): { name: string; source: string }[] {
  const folder = join(llamaModels(), 'templates')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jinja'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.jinja'.length),
      source: readFileSync(join(folder, file), 'utf8'),
    }))
}

/** Several test files may begin at once: each extracts beside the place, and the first to end moves it there. */
function extract(place: string): void {
  mkdirSync(CACHE, { recursive: true })
  const beside = mkdtempSync(`${place}-`)
  execFileSync('git', ['clone', '--quiet', '--bare', BUNDLE, join(beside, '.git')])
  execFileSync('git', [
    '--git-dir',
    join(beside, '.git'),
    '--work-tree',
    beside,
    'checkout',
    'HEAD',
    '--',
    'models',
  ])
  rmSync(join(beside, '.git'), { recursive: true })
  try {
    renameSync(beside, place)
  } catch (error) {
    rmSync(beside, { recursive: true })
    if (!existsSync(place)) throw error
  }
}
