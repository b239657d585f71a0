import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'

export const MAX_SUBJECT = 72

/** Commits that are checked. Older ones are published and stay as they are: those from before the rule are longer. */
const NEWEST = 50

/** A commit whose subject breaks a rule, and the rule. */
export interface SubjectOffence {
  readonly commit: string
  readonly rule: string
}

/** Subjects of the newest commits, or why git cannot list them. */
export type Subjects = { readonly log: readonly string[] } | { readonly missing: string }

/**
 * Lists the newest commits of a directory's history as lines of hash and subject. Merges are left out: machines name them.
 * A shallow clone has fewer commits; a directory that git does not know has none, and says why.
 */
export function newestSubjects(directory: string): Subjects {
  const settings = ['-c', 'log.showSignature=false']
  const args = [...settings, 'log', `--max-count=${NEWEST}`, '--no-merges', '--format=%h %s']
  // The sources may lie in a folder of some other repository, whose commits are not ours.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(directory) }
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: directory, env, encoding: 'utf8' })
  if (status === 0) return { log: stdout.split('\n').filter((line) => line !== '') }
  return { missing: error?.message ?? stderr.trim().split('\n')[0] ?? '' }
}

/** Finds the commits with a subject that is empty, too long or a sentence. @param log lines of hash and subject. */
export function offencesInSubjects(log: readonly string[]): SubjectOffence[] {
  return log.flatMap((line) => {
    const [commit = ''] = line.split(' ', 1)
    const subject = line.slice(commit.length).trim()
    const length = [...subject].length
    const rules = [
      length === 0 && 'its subject is empty',
      length > MAX_SUBJECT && `its subject has ${length} characters, more than ${MAX_SUBJECT}`,
      subject.endsWith('.') && 'its subject ends with a full stop',
    ]
    return rules.flatMap((rule) => (rule === false ? [] : [{ commit, rule }]))
  })
}
