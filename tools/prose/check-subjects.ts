import { resolve } from 'node:path'
import { newestSubjects, offencesInSubjects } from './subjects.ts'

const subjects = newestSubjects(resolve(import.meta.dirname, '../..'))
if ('missing' in subjects) {
  process.stdout.write(`prose: no subjects of commits are checked: ${subjects.missing}\n`)
} else {
  const found = offencesInSubjects(subjects.log)
  process.stderr.write(found.map(({ commit, rule }) => `commit ${commit}: ${rule}\n`).join(''))
  process.stdout.write(`prose: ${subjects.log.length} newest commits, ${found.length} subjects to mend\n`)
  process.exitCode = found.length > 0 ? 1 : 0
}
