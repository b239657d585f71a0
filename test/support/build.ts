import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Builds `dist` once before the tests, which start servers from it: from the sources each start takes seconds longer.
 * Types are checked elsewhere: a planted bug that leaves a name unused is to be found by a test.
 */
export function setup(): void {
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--noCheck'], { cwd, stdio: 'inherit' })
}
