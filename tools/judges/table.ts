import type { Reason, Verdict } from './verdict.ts'

export interface Row {
  readonly judge: string
  readonly runs: string
  readonly versions: string
  readonly date: string
  /** What it said, or why it could not be run. */
  readonly verdict: Verdict | string
}

const BEGIN = '<!-- judges: written by npm run test:judges -->'
const END = '<!-- /judges -->'
const HEAD = [
  '| Judge | What of it | Versions | Passed | Failed | Skipped | Whose failures, and why | Seen |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
]

/** The page with these rows in its table. Rows of judges that were not run stay as they are; `order` is that of the judges. */
export function withRows(page: string, rows: readonly Row[], order: readonly string[]): string {
  const [before, rest] = page.split(BEGIN)
  const [table, after] = rest?.split(END) ?? []
  if (before === undefined || table === undefined || after === undefined)
    throw new Error(`the page has no ${BEGIN} ... ${END}`)
  const lines = new Map<string, string>()
  for (const line of table.split('\n').slice(HEAD.length + 1)) {
    const judge = /^\| (\S+) \|/.exec(line)?.[1]
    if (judge !== undefined) lines.set(judge, line)
  }
  for (const row of rows) lines.set(row.judge, lineOf(row))
  const ordered = order.flatMap((judge) => lines.get(judge) ?? [])
  return `${before}${BEGIN}\n${[...HEAD, ...ordered].join('\n')}\n${END}${after}`
}

function lineOf({ judge, runs, versions, date, verdict }: Row): string {
  const cells =
    typeof verdict === 'string'
      ? ['', '', '', `not run: ${verdict}`]
      : [verdict.passed, verdict.failed, verdict.skipped, whose(verdict)]
  return `| ${[judge, runs, versions, ...cells, date].map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

function whose({ reasons, unexpected }: Verdict): string {
  const known = reasons.map(({ count, whose, why }: Reason) => `${count} ${whose}: ${why}`)
  return [...known, ...(unexpected.length > 0 ? [`${unexpected.length} not looked at`] : [])].join('; ')
}
