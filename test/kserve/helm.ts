import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Manifest, objectsOf } from './manifests.ts'

/** Path of helm, if there is one; `npm run test:helm` finds or builds it. */
export const helm = process.env['ALTIPLANO_HELM']
export const chart = fileURLToPath(new URL('../../charts/altiplano', import.meta.url))

export function run(...words: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(helm ?? '', words, { encoding: 'utf8' })
  return { ok: status === 0, output: status === 0 ? stdout : stderr }
}

const set = (values: readonly string[]): string[] => values.flatMap((value) => ['--set', value])

/** The chart for a release `chat` in the namespace `models`. */
export const template = (values: readonly string[]): ReturnType<typeof run> =>
  run('template', 'chat', chart, '--namespace', 'models', '--kube-version', '1.33.0', ...set(values))

export function rendered(...values: readonly string[]): Manifest[] {
  const { ok, output } = template(values)
  if (!ok) throw new Error(output)
  return objectsOf(output, 'chart')
}
