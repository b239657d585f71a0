/** Rows of cells, aligned: the first column to the left, all others to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) => textRow(row, widths)).join('\n')
}

function textRow(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, column) => {
    const cell = row[column] ?? ''
    return column === 0 ? cell.padEnd(width) : cell.padStart(width)
  })
  return cells.join('   ').trimEnd()
}
