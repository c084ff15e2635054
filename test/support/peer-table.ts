import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { BuildStatus } from '../../ts/build/records.js';
import { CommandLine } from './command-line.js';
import { compileFixture } from './compile.js';
import { configuration, fixture, RealNix } from './nix.js';
import { requires } from './requires.js';
import { temporaryDirectory } from './temporary.js';

/**
 * The side-by-side table: each row is realised by `airplant build` and by the real `nix-store --realise`, each in a
 * store of its own, with the same .drv files, the same settings and a sandbox. Both must end with the same exit status,
 * the same BuildResult, the same words where scripts may look for them, and the same outputs to the byte.
 *
 * test/peer/table/<group>.test.ts holds the rows of one group, and a row takes one object:
 *
 *     { name: 'a failing builder', nix: 'script "exit 3" { }', status: 100, said: [/failed with exit code 3/] }
 *
 * `nix` is an expression for a derivation, or for a list of derivations that are wanted together. In scope:
 * - `script TEXT ATTRS`: a derivation of a shell script, in which `bb` is busybox. It has the name of the row; another
 *   one can be in ATTRS, as can anything else (`outputs`, `allowedReferences`, `__structuredAttrs`, …)
 * - `named NAME TEXT ATTRS`: the same for what a row depends on
 * - `fixed CONTENT`: attributes that promise a flat file of this content
 * - `peer`: test/fixtures/peer/derivations.nix
 *
 * Rows of one group share a store and run at the same time: each should build derivations of its own.
 */
export interface PeerRow {
  /** Unique in the group; what the test is called. Becomes the derivation's name, with dashes for all but letters and digits. */
  readonly name: string;
  readonly nix: string;
  /** `repair`: `airplant repair` beside `nix-store --realise --repair`. Default: `build`. */
  readonly verb?: 'build' | 'repair';
  /** Flags that both take, `--keep-going` say. */
  readonly flags?: readonly string[];
  /** Settings that both know. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A program of test/fixtures/native, which builders find at /bin/NAME. */
  readonly program?: string;
  /** Exit status of both. */
  readonly status: number;
  /** Of the wanted derivation; of the first one, if there are several. Default: `Built` with exit status 0. */
  readonly result?: BuildStatus;
  /**
   * Each must match standard error of both, and match the same text. Indentation and colours are taken away first, so
   * that `^` is the beginning of a line's text in a pattern with the flag `m`. A row that fails must have some.
   */
  readonly said?: readonly RegExp[];
  /**
   * Build first, which must succeed; then do this to each store before what is compared is run: damage a file, for
   * `--repair` say. Gets the host path of a store path.
   */
  readonly afterBuilding?: (realPath: (path: string) => string, outputs: readonly string[]) => void;
  /** What airplant does instead on purpose; the rest is still compared. */
  readonly differs?: {
    /** Why. It is in docs/differences-from-nix.md as well. */
    readonly why: string;
    readonly status?: number;
    /** `Same`: of a check. */
    readonly result?: BuildStatus | 'Same';
    readonly said?: readonly RegExp[];
  };
}

/** Defines the tests of one group of rows. */
export function peerTable(group: string, rows: readonly PeerRow[]): void {
  for (const { name, status, said = [] } of rows) {
    assert.ok(status === 0 || said.length > 0, `the row '${name}' must tell what both say of the failure`);
  }
  const programs = ['nix-store', 'nix-instantiate', 'busybox', 'cc'] as const;
  const needs = requires('user-namespaces', ...programs.map((name) => `program:${name}` as const));
  const directory = temporaryDirectory(`table-${group.replaceAll(/\W+/g, '-')}`);
  const theirs = new RealNix(directory, join(directory, 'theirs'));
  const ours = new RealNix(directory, join(directory, 'ours'));
  describe(`${group}, side by side with Nix`, { concurrency: 3 }, () => {
    let wanted: Readonly<Record<string, readonly Wanted[]>> = {};
    before(() => {
      if (needs.skip) return;
      const file = join(directory, 'rows.nix');
      writeFileSync(file, expression(rows));
      const evaluate = ['--eval', '--json', '--strict', '--read-write-mode', file];
      wanted = JSON.parse(ours.run('nix-instantiate', ...evaluate));
      assert.deepEqual(JSON.parse(theirs.run('nix-instantiate', ...evaluate)), wanted);
    });
    after(() => {
      if (!needs.skip) ours.run('nix-store', '--verify', '--check-contents');
    });
    for (const [index, row] of rows.entries()) {
      test(row.name, needs, async () => {
        const place = join(directory, String(index));
        mkdirSync(place);
        await compare(row, wanted[row.name]!, { ours, theirs, place });
      });
    }
  });
}

interface Wanted {
  readonly drvPath: string;
  readonly outputs: readonly string[];
}

interface Sides {
  readonly ours: RealNix;
  readonly theirs: RealNix;
  /** A directory of the row's own. */
  readonly place: string;
}

/** What one side made of a row. */
interface Ending {
  readonly status: number | null;
  /** Of the first wanted derivation; undefined where that is not told. */
  readonly result: string | undefined;
  readonly said: string;
}

async function compare(row: PeerRow, wanted: readonly Wanted[], sides: Sides): Promise<void> {
  const { differs } = row;
  const drvPaths = wanted.map(({ drvPath }) => drvPath);
  if (row.afterBuilding) {
    const [first, second] = await Promise.all([runOurs(drvPaths, [], sides), runTheirs(drvPaths, [], sides)]);
    assert.equal(first.status, 0, first.said);
    assert.equal(second.status, 0, second.said);
    for (const { store } of [sides.ours, sides.theirs]) {
      row.afterBuilding(
        (path) => join(store, path),
        wanted.flatMap(({ outputs }) => outputs),
      );
    }
  }
  const shown = row.program
    ? { 'extra-sandbox-paths': `/bin/${row.program}=${compileFixture(row.program)}` }
    : {};
  // A row that hangs is to fail, whatever else becomes of it.
  const settings = { timeout: '100', ...shown, ...row.settings };
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value]);
  const flags = [...(row.flags ?? []), ...options];
  const [ours, theirs] = await Promise.all([
    runOurs(drvPaths, flags, sides, row.verb),
    runTheirs(drvPaths, row.verb === 'repair' ? ['--repair', ...flags] : flags, sides),
  ]);
  const both = `airplant said:\n${ours.said}\nNix said:\n${theirs.said}`;
  assert.equal(theirs.status, row.status, `exit status of Nix; ${both}`);
  assert.equal(ours.status, differs?.status ?? row.status, `exit status of airplant; ${both}`);
  const result = row.result ?? (row.status === 0 ? 'Built' : undefined);
  if (result !== undefined) {
    assert.equal(ours.result, differs?.result ?? result, both);
    if (theirs.result !== undefined && wanted.length === 1) assert.equal(theirs.result, result, both);
  }
  for (const pattern of row.said ?? []) {
    const [found] = pattern.exec(theirs.said) ?? assert.fail(`Nix did not say ${pattern}; ${both}`);
    if (!differs?.said) assert.equal(pattern.exec(ours.said)?.[0], found, both);
  }
  for (const pattern of differs?.said ?? []) assert.match(ours.said, pattern, both);
  // What one of them refuses, only the other has.
  if (differs?.status !== undefined) return;
  const facts = (nix: RealNix) => outputFacts(nix, wanted);
  assert.deepEqual(facts(sides.ours), facts(sides.theirs), both);
}

async function runOurs(
  drvPaths: readonly string[],
  flags: readonly string[],
  sides: Sides,
  verb: PeerRow['verb'] = 'build',
): Promise<Ending> {
  const commandLine = new CommandLine(sides.place, {
    NIX_CONFIG: configuration,
    PATH: process.env['PATH'] ?? '',
  });
  const command = verb === 'build' ? ['build', '--no-link'] : [verb];
  const argv = [...command, '--store', sides.ours.store, '--json', ...flags, ...drvPaths];
  const { status, stdout, stderr } = await commandLine.run(argv);
  const printed = stdout.length > 0 ? JSON.parse(stdout.toString()) : [];
  const results: readonly { status: string }[] = verb === 'repair' ? printed.results : printed;
  return { status, result: results?.[0]?.status, said: bare(stderr) };
}

async function runTheirs(
  drvPaths: readonly string[],
  flags: readonly string[],
  sides: Sides,
): Promise<Ending> {
  const trace = join(sides.place, 'results');
  // Nix writes down how its last goal ended, for its own tests.
  const env = { _NIX_TRACE_BUILT_OUTPUTS: trace };
  const { status, stderr } = await sides.theirs.start(
    'nix-store',
    ['--realise', '--no-build-output', ...flags, ...drvPaths],
    env,
  );
  const traced = existsSync(trace) ? readFileSync(trace, 'utf8') : '';
  return { status, result: /^\S+\t(\w+)/.exec(traced)?.[1], said: bare(stderr) };
}

/** Hash, size and references of each output that is valid, and whether it was built there, by path. */
function outputFacts(nix: RealNix, wanted: readonly Wanted[]): Map<string, object> {
  const paths = wanted.flatMap(({ outputs }) => outputs);
  const { stdout } = nix.try('nix-store', '--check-validity', '--print-invalid', ...paths);
  const invalid = new Set(stdout.split('\n'));
  const valid = paths.filter((path) => !invalid.has(path));
  if (valid.length === 0) return new Map();
  return new Map(
    [...nix.pathInfo(...valid)].map(([path, { narHash, narSize, references, ultimate = false }]) => [
      path,
      { narHash, narSize, references, ultimate },
    ]),
  );
}

function bare(text: string): string {
  return text.replaceAll(/\x1b\[[0-9;]*m/g, '').replaceAll(/^[ \t]+/gm, '');
}

/** Evaluates to what is wanted of each row, by its name. */
function expression(rows: readonly PeerRow[]): string {
  const entries = rows.map(
    ({ name, nix }) =>
      `  ${JSON.stringify(name)} = rowOf ${JSON.stringify(derivationName(name))} (script: ${nix});`,
  );
  return `let
  peer = import ${fixture('peer/derivations.nix')};
  named = name: text: attrs: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/busybox";
    args = [ "sh" "-euc" "bb() { /bin/busybox \\"$@\\"; }\\n\${text}" ];
  } // attrs);
  fixed = content: {
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" content;
  };
  rowOf = name: make:
    let row = make (named name); in
    map (drv: { inherit (drv) drvPath; outputs = map (output: drv.\${output}.outPath) (drv.outputs or [ "out" ]); })
      (if builtins.isList row then row else [ row ]);
in {
${entries.join('\n')}
}
`;
}

function derivationName(rowName: string): string {
  return rowName.replaceAll(/[^0-9A-Za-z]+/g, '-');
}
