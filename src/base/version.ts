import { readFileSync } from 'node:fs'

// src/ and dist/ are both one below the package root.
const packageFile = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')

/** Altiplano's own version. */
export const version = (JSON.parse(packageFile) as { readonly version: string }).version
