import type { DownloadProgress } from './download.ts'

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const barWidth = 30
const lineEveryMs = 5000
const drawEveryMs = 100

/** Shows a download: a bar on a terminal, elsewhere a line each 5 seconds. */
export function progressReporter(
  output: Output,
  now: () => number = Date.now,
): (progress: DownloadProgress) => void {
  const terminal = output.isTTY === true
  let shownFile = ''
  let nextAt = 0
  return (progress) => {
    const done = progress.received >= progress.total
    if (progress.file === shownFile && !done && now() < nextAt) return
    shownFile = progress.file
    nextAt = now() + (terminal ? drawEveryMs : lineEveryMs)
    if (terminal) output.write(`\r${bar(progress)}${done ? '\n' : ''}`)
    else output.write(`${progressText(progress)}\n`)
  }
}

/** One download's state in words. */
export function progressText({ file, received, total }: DownloadProgress): string {
  const percent = Math.floor((received / total) * 100)
  return `${file}: ${megabytes(received)} of ${megabytes(total)} MB (${percent} %)`
}

function bar(progress: DownloadProgress): string {
  const filled = Math.floor((progress.received / progress.total) * barWidth)
  return `[${'#'.repeat(filled).padEnd(barWidth, '.')}] ${progressText(progress)}`
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
