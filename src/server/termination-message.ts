import { statSync, writeFileSync } from 'node:fs'

/** Kubernetes shows so much of it. */
const MOST_CHARACTERS = 4000

/**
 * Says why this process ends, or will not be ready, where Kubernetes looks for it: in the file that it has put there.
 * KServe shows the text in `status.modelStatus.lastFailureInfo` of a container that has ended.
 *
 * @returns whether Kubernetes looks: then the process has to end for the text to be shown.
 */
export function writeTerminationMessage(
  reason: string,
  file = process.env['TERMINATION_LOG'] || '/dev/termination-log',
): boolean {
  try {
    // Where Kubernetes has made none there is nobody to read it.
    if (!statSync(file).isFile()) return false
    writeFileSync(file, reason.slice(0, MOST_CHARACTERS))
    return true
  } catch {
    // It says the same on stderr.
    return false
  }
}
