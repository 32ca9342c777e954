/** The largest count off the diagonal: rows are what it is, columns what was answered. */
export function worstMixUp(counts: number[][]): { row: number; column: number; count: number } | null {
  let worst: { row: number; column: number; count: number } | null = null;
  counts.forEach((line, row) => {
    line.forEach((count, column) => {
      if (row !== column && count > (worst?.count ?? 0)) worst = { row, column, count };
    });
  });
  return worst;
}
