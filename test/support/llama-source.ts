import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const installed = fileURLToPath(new URL('../../node_modules/', import.meta.url))
/** node-llama-cpp: its folder holds the source of llama.cpp that its binaries are built from, as a git bundle. */
const BUNDLE = join(installed, 'node-llama-cpp/llama/gitRelease.bundle')
const CACHE = join(installed, '.cache/altiplano')

/** Folder `models` of llama.cpp's source: real vocabularies with their test vectors, and `templates/`. Throws where git is missing. */
export const llamaModels = (): string => llamaSource('models')

/** A folder of llama.cpp's source, as the bundle has it. Throws where git is missing. */
export function llamaSource(folder: string): string {
  const { tag } = JSON.parse(readFileSync(join(dirname(BUNDLE), 'llama.cpp.info.json'), 'utf8')) as {
    tag: string
  }
  const place = join(CACHE, `llama.cpp-${tag}`, folder)
  if (!existsSync(place)) extract(folder, place)
  return place
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

/** Several test files may begin at once: each extracts elsewhere, and the first to end moves it to the place. */
function extract(folder: string, place: string): void {
  mkdirSync(dirname(place), { recursive: true })
  const elsewhere = mkdtempSync(join(CACHE, 'llama.cpp-'))
  const git = join(elsewhere, '.git')
  execFileSync('git', ['clone', '--quiet', '--bare', BUNDLE, git])
  execFileSync('git', ['--git-dir', git, '--work-tree', elsewhere, 'checkout', 'HEAD', '--', folder])
  try {
    renameSync(join(elsewhere, folder), place)
  } catch (error) {
    if (!existsSync(place)) throw error
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
}
