import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A value as it came over the wire, and the type of a client library that it is to be of. */
export interface TypedValue {
  readonly type: string
  readonly value: unknown
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A field that a type does not know is no fault: `timings`, `reasoning_content`. */
const UNKNOWN_FIELD = 'error TS2353:'

/**
 * Asks the compiler whether values are of types; resolves to what it says against it.
 * @param imports lines that the types come from.
 */
export async function typeErrors(imports: string, values: readonly TypedValue[]): Promise<string[]> {
  // The libraries are found from here only.
  const folder = mkdtempSync(join(root, 'test', 'types-'))
  try {
    const lines = values.map(({ type, value }) => `is<${type}>()(${JSON.stringify(value)})`)
    const check = 'declare function is<T>(): <const V extends T>(value: V) => void'
    const file = join(folder, 'values.ts')
    writeFileSync(file, `${imports}\n${check}\n${lines.join('\n')}\n`)
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--pretty', 'false']
    const dialect = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    return await run([...options, ...dialect, file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function run(args: readonly string[]): Promise<string[]> {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  return new Promise((resolve) => {
    execFile(process.execPath, [compiler, ...args], { cwd: root }, (_error, stdout, stderr) =>
      resolve(
        `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.includes(UNKNOWN_FIELD)),
      ),
    )
  })
}
