import { type Bench, type Comparison, type Row, SkippedRow } from './row.js';

/** The outcome of a row: comparisons, or why there are none. Part of the JSON report. */
export type RowReport =
  | Comparison
  | { readonly name: string; readonly skipped: string }
  | { readonly name: string; readonly failed: string };

/** Measures rows one after another. A row that is skipped or breaks does not keep the others from running. */
export async function measureRows(
  rows: readonly Row[],
  bench: Bench,
  onRow: (name: string) => void,
): Promise<RowReport[]> {
  const reports: RowReport[] = [];
  for (const row of rows) {
    onRow(row.name);
    reports.push(...(await measureRow(row, bench)));
  }
  return reports;
}

async function measureRow(row: Row, bench: Bench): Promise<readonly RowReport[]> {
  try {
    return await row.measure(bench);
  } catch (error) {
    if (error instanceof SkippedRow) return [{ name: row.name, skipped: error.message }];
    return [{ name: row.name, failed: error instanceof Error ? error.message : String(error) }];
  }
}
