import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What holds a promise: a file of the repository, and words that are in it. */
export interface Holder {
  readonly path: string
  readonly words: string
}

export function textOf(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
}

/** Number and last column of each numbered row of a page. */
export function numberedRows(page: string): { readonly number: number; readonly held: string }[] {
  return [...textOf(page).matchAll(/^\| (\d+) \|.*\| (.+?) \|$/gm)].map(([, number = '', held = '']) => ({
    number: Number(number),
    held,
  }))
}

/** `` `file`: words; `file`: words `` */
export function holders(held: string): Holder[] {
  return held.split(/; (?=`)/).flatMap((one) => {
    const [, path, words] = /^`([^`]+)`: (.+)$/.exec(one) ?? []
    return path === undefined || words === undefined ? [] : [{ path, words }]
  })
}
