import { readFileSync } from 'node:fs'

// src/ and dist/ are both one below the package root.
const packageFile = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')

const described = JSON.parse(packageFile) as {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

/** Altiplano's own version. */
export const { version } = described

/** Version of node-llama-cpp, each of which brings one build of llama.cpp. */
export const engineVersion = described.dependencies['node-llama-cpp']
