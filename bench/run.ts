import { accessSync, closeSync, constants as files, openSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from './harness/machine.js';
import { measureRows } from './harness/report.js';
import { renderTable } from './harness/table.js';
import { killWorkers } from './harness/worker.js';
import { createWorkspace } from './harness/workspace.js';
import { allRows } from './rows/all.js';

const usage = `Usage: npm run bench -- [WORD]... [--json FILE] [--runs N] [--directory DIRECTORY]

Measures every row whose name holds one of the words (all rows without any):
${allRows.map(({ name }) => `  ${name}`).join('\n')}

  --json FILE            write the JSON report there, instead of one line of it after the table
  --runs N               runs of each row, instead of its own number
  --directory DIRECTORY  work here instead of in ${tmpdir()}; everything made is removed again
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = parseWish(process.argv.slice(2));
  if (typeof wish === 'string') {
    process.stderr.write(wish);
    return 2;
  }
  if (wish.help) {
    process.stdout.write(usage);
    return 0;
  }
  endOnSignals();
  const workspace = createWorkspace(wish.directory);
  const machine = describeMachine(workspace.path);
  process.stderr.write(renderMachine(machine));
  const reports = await measureRows(wish.rows, { workspace, runs: (usual) => wish.runs ?? usual }, (name) =>
    process.stderr.write(`measuring ${name}\n`),
  );
  // A row that broke off may have left some.
  await killWorkers();
  process.stdout.write(`\n${renderTable(reports)}`);
  const report = { version: 1, machine, rows: reports };
  if (wish.json === undefined) process.stdout.write(`\n${JSON.stringify(report)}\n`);
  else writeFileSync(wish.json, `${JSON.stringify(report, undefined, 2)}\n`);
  return reports.some((report) => 'failed' in report) ? 1 : 0;
}

/** What the command line asks for, or what is wrong with it. */
function parseWish(args: readonly string[]) {
  try {
    const { values, positionals: words } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        runs: { type: 'string' },
        directory: { type: 'string', default: tmpdir() },
        help: { type: 'boolean', default: false },
      },
    });
    const unknown = words.find((word) => !allRows.some(({ name }) => name.includes(word)));
    if (unknown !== undefined) return `no row is called ${unknown}\n\n${usage}`;
    if (values.runs !== undefined && !/^[1-9]\d{0,5}$/.test(values.runs)) {
      return `--runs takes a number from 1 on, not ${values.runs}\n`;
    }
    // Better now than after minutes of measuring.
    if (values.json !== undefined) closeSync(openSync(values.json, 'a'));
    accessSync(values.directory, files.W_OK | files.X_OK);
    return {
      rows: allRows.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word))),
      runs: values.runs === undefined ? undefined : Number(values.runs),
      directory: values.directory,
      json: values.json,
      help: values.help,
    };
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}

/** The workspace goes when the process exits; a second signal does not wait for the workers. */
function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const status = 128 + constants.signals[signal];
    process.once(signal, () => {
      process.once(signal, () => process.exit(status));
      void killWorkers().finally(() => process.exit(status));
    });
  }
}

function renderMachine(machine: Machine): string {
  const gigabytes = (machine.memoryBytes / 1e9).toFixed(0);
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${gigabytes} GB; ${machine.kernel}; node ${machine.node}; ${machine.fileSystem}`,
  ];
  if (machine.user === 'root') {
    lines.push('running as root: an ordinary user is what the targets are about');
  }
  if (machine.loadBefore > machine.cores / 2) {
    lines.push(
      `the machine is busy (load ${machine.loadBefore.toFixed(1)}): look at the ratios, and twice at those`,
    );
  }
  return `${lines.join('\n')}\n`;
}
