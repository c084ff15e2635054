import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../../../ts/native.js';
import { compileFixture } from '../compile.js';
import { RealNix } from '../nix.js';
import { openTestStore, testDirectories } from '../stores.js';
import type { CrashOperation } from './operations.js';

// An operation on a store is interrupted at each system call by which it changes the disk. A loss is whatever a user
// would have lost: a path, or that the same command works again.
const script = fileURLToPath(new URL('./run-operation.js', import.meta.url));

/** What happens at a system call: the process is killed before it, or it fails. */
export type Effect = 'kill' | 'ENOSPC' | 'EIO' | 'EMFILE';

const numbers: Readonly<Record<Effect, string>> = { kill: 'kill', ENOSPC: '28', EIO: '5', EMFILE: '24' };

/** Where an operation is interrupted, and how. */
export interface CrashPoint {
  readonly effect: Effect;
  /** Which of its system calls, from 1. */
  readonly number: number;
  /** Its name, and the file it is about, as in the undisturbed run. */
  readonly call: string;
}

interface Paths {
  readonly root: string;
  readonly scratch: string;
}

/** One operation, in a directory of its own. */
export class CrashCampaign {
  readonly #name: string;
  readonly #operation: CrashOperation;
  readonly #directory: string;
  readonly #program = compileFixture('interrupt-at');
  #before: ReadonlySet<string> = new Set();
  #after: ReadonlySet<string> = new Set();
  #counter = 0;

  constructor(name: string, operation: CrashOperation, directory: string) {
    this.#name = name;
    this.#operation = operation;
    this.#directory = directory;
  }

  /** Makes the store and does the operation undisturbed. Returns all its points. */
  async points(): Promise<CrashPoint[]> {
    const template = this.#place('template');
    mkdirSync(template.scratch, { recursive: true });
    if (!this.#operation.fromNothing) {
      const store = await openTestStore(template.root);
      await this.#operation.prepare?.(store, template.scratch);
      await store.close();
      this.#before = await validPaths(template.root);
    }
    const points: CrashPoint[] = [];
    for (const effect of ['kill', 'EMFILE'] as const) {
      const paths = this.#copy();
      const { status, said, calls } = await this.#run(paths, effect, 0);
      if (status !== 0) throw new Error(`${this.#name} fails undisturbed: ${said}`);
      this.#after = await validPaths(paths.root);
      const same = effect === 'kill' ? (['kill', 'ENOSPC', 'EIO'] as const) : ([effect] as const);
      for (const each of same)
        points.push(...calls.map((call, index) => ({ effect: each, number: index + 1, call })));
      await native.removeTree(join(paths.root, '..'));
    }
    return points;
  }

  /** Interrupts the operation there, and does it again. Returns what was lost. */
  async lossesAt({ effect, number }: CrashPoint): Promise<string[]> {
    const paths = this.#copy();
    const nix = new RealNix(this.#directory, paths.root);
    const losses: string[] = [];
    const lose = (what: string, found: readonly string[]) => {
      for (const each of found) losses.push(`${what}: ${each}`);
    };
    const first = await this.#run(paths, effect, number);
    if (!['', ...first.said.matchAll(/^ERR_(?!INTERNAL)\w+$/g)].map(String).includes(first.said))
      lose('says', [first.said]);
    if (first.status !== 0 && first.status !== 1 && first.status !== 137)
      lose('ends with', [`${first.status}`]);
    const exists = readdirSync(join(paths.root, '..')).includes('store');
    if (exists) lose('after it', await this.#unsound(paths.root, nix, 'interrupted'));
    const again = await this.#run(paths, 'kill', 0);
    if (again.status !== 0) lose('again', [again.said]);
    lose('after doing it again', await this.#unsound(paths.root, nix, 'finished'));
    const collected = await nix.start('nix-store', ['--gc']);
    if (collected.status !== 0) lose('collecting', [collected.stderr]);
    lose('cannot be collected', leftIn(paths.root, await validPaths(paths.root)));
    await native.removeTree(join(paths.root, '..'));
    return losses;
  }

  /** What is wrong with a store. */
  async #unsound(root: string, nix: RealNix, when: 'interrupted' | 'finished'): Promise<string[]> {
    const wrong: string[] = [];
    const database = join(testDirectories(root).stateDir, 'db/db.sqlite');
    const schema = join(testDirectories(root).stateDir, 'db/schema');
    // Without it there is no store yet, and the next to open it makes its tables.
    if (readFileOr(schema) === '10') {
      const checked = await run('sqlite3', [database, 'pragma integrity_check; pragma foreign_key_check']);
      if (checked.said !== 'ok\n') wrong.push(`the database: ${checked.said}`);
      const { removes = () => false } = this.#operation;
      const valid = await validPaths(root);
      const wanted = when === 'finished' ? this.#after : [...this.#before].filter((path) => !removes(path));
      for (const path of wanted) if (!valid.has(path)) wrong.push(`${path} is not valid any more`);
    }
    const { status, stderr } = await nix.start('nix-store', ['--verify', '--check-contents']);
    const complaints = stderr
      .split('\n')
      .filter((line) => line !== '' && !/^(reading the Nix store|checking )/.test(line));
    const serious = complaints.filter((line) => when === 'finished' || !this.#isExpected(line));
    if (serious.length > 0 || (status !== 0 && complaints.length === 0))
      wrong.push(...serious, `status ${status}`);
    return wrong;
  }

  #isExpected(complaint: string): boolean {
    const path = /path '(.*?)' (was modified!|disappeared, removing)/.exec(complaint)?.[1];
    if (path === undefined)
      return complaint === 'warning: not all store errors were fixed' && !!this.#operation.damaged;
    return this.#operation.damaged?.(path) ?? false;
  }

  async #run({ root, scratch }: Paths, effect: Effect, number: number) {
    const log = join(root, '../calls');
    const program = [process.execPath, script, this.#name, root, scratch];
    const result = await run(this.#program, [`${root}/`, numbers[effect], `${number}`, log, ...program]);
    return { ...result, calls: readFileSync(log, 'utf8').replaceAll(root, '').split('\n').filter(Boolean) };
  }

  #place(name: string): Paths {
    const directory = join(this.#directory, name);
    return { root: join(directory, 'store'), scratch: join(directory, 'scratch') };
  }

  #copy(): Paths {
    const name = `${this.#counter++}`;
    cpSync(join(this.#directory, 'template'), join(this.#directory, name), {
      ...{ recursive: true, verbatimSymlinks: true, preserveTimestamps: true },
      filter: (file) => !file.endsWith('.sqlite-shm'),
    });
    writeFileSync(join(this.#directory, name, 'calls'), '');
    return this.#place(name);
  }
}

/** Read by the sqlite3 program, which has nothing to do with us. */
async function validPaths(root: string): Promise<Set<string>> {
  const database = join(testDirectories(root).stateDir, 'db/db.sqlite');
  const { said } = await run('sqlite3', [database, 'select path from ValidPaths']);
  return new Set(said.split('\n').filter(Boolean));
}

function leftIn(root: string, valid: ReadonlySet<string>): string[] {
  const { realStoreDir } = testDirectories(root);
  return readdirSync(realStoreDir).filter((name) => name !== '.links' && !valid.has(`/nix/store/${name}`));
}

function readFileOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Ends; what takes longer than any of this can is a loss as well. */
async function run(
  program: string,
  args: readonly string[],
): Promise<{ status: number | null; said: string }> {
  return await new Promise((resolve) => {
    const options = { encoding: 'utf8', timeout: 600_000, killSignal: 'SIGKILL' } as const;
    const child = execFile(program, args, options, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, said: `${stdout}${stderr}` }),
    );
  });
}
