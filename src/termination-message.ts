import { statSync, writeFileSync } from 'node:fs'

/** Kubernetes shows so much of it. */
const MOST_CHARACTERS = 4000

/**
 * Says why this process ends, or will not be ready, where Kubernetes looks for it: in the file that it has put there.
 * KServe shows the text in `status.modelStatus.lastFailureInfo`.
 */
export function writeTerminationMessage(
  reason: string,
  file = process.env['TERMINATION_LOG'] || '/dev/termination-log',
): void {
  try {
    // Where Kubernetes has made none there is nobody to read it.
    if (!statSync(file).isFile()) return
    writeFileSync(file, reason.slice(0, MOST_CHARACTERS))
  } catch {
    // It says the same on stderr.
  }
}
