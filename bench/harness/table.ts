import type { RowReport } from './report.js';
import type { Measured, Target, Unit } from './row.js';

/** The rows as a text table, with the notes of each row below it. */
export function renderTable(reports: readonly RowReport[]): string {
  const cells = [
    ['row', 'unit', 'ours (min … max)', 'yardstick (min … max)', 'runs', 'ratio', 'of best', 'target', ''],
    ...reports.map(renderRow),
  ];
  const notes = reports.flatMap((report) =>
    'notes' in report && report.notes.length > 0
      ? ['', `${report.name}`, ...report.notes.map((note) => `  ${note.replaceAll('\n', '\n  ')}`)]
      : [],
  );
  return `${[...alignColumns(cells), ...notes].join('\n')}\n`;
}

function renderRow(report: RowReport): string[] {
  if ('skipped' in report) return [report.name, `skipped: ${report.skipped}`];
  if ('failed' in report) return [report.name, `failed: ${report.failed}`];
  return [
    report.name,
    report.unit,
    renderMeasured(report.ours),
    `${renderMeasured(report.yardstick)} ${report.yardstick.what}`,
    String(report.ours.runs),
    report.ratio.toFixed(3),
    report.bestRatio.toFixed(3),
    report.target ? renderTarget(report.target, report.unit) : '',
    report.met === undefined ? '' : report.met ? 'met' : 'missed',
  ];
}

function renderMeasured({ median, min, max }: Measured): string {
  return `${renderNumber(median)} (${renderNumber(min)} … ${renderNumber(max)})`;
}

/** Three significant digits, whole numbers from 100 on. */
function renderNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function renderTarget(target: Target, unit: Unit): string {
  const sign = target.bound === 'at most' ? '≤' : '≥';
  if ('ratio' in target) return `${sign} ${target.ratio}`;
  return 'median' in target
    ? `${sign} ${target.median} ${unit}`
    : `${sign} ${target.difference} ${unit} more`;
}

/** Pads all columns but a line's last, so that one long reason does not widen the table. */
function alignColumns(lines: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [column, cell] of line.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
