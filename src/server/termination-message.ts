import { statSync, writeFileSync } from 'node:fs'

/** Characters of a termination message that Kubernetes shows. */
const MAX_CHARACTERS = 4000

/**
 * Writes why this process ends, or will not be ready, where Kubernetes looks for it: in the file that it has put there.
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
    writeFileSync(file, reason.slice(0, MAX_CHARACTERS))
    return true
  } catch {
    // The reason is on stderr, too.
    return false
  }
}
