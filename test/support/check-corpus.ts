import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { extname, join } from 'node:path';
import type { BuildFacts, Variation } from '../../ts/build/check/causes/facts.js';
import type { CauseName } from '../../ts/build/check/causes/rules.js';
import type { Observation } from '../../ts/build/check/observation.js';
import { compareOutputs } from '../../ts/build/check/observe.js';
import { fixturePath } from './fixtures.js';

// Programs of test/fixtures/check-corpus, run several times outside any sandbox, with one thing varied at a time. Each
// runs in a directory that has twenty empty files in `input`; what it prints is its output.

/** Names of the programs, with their extension. */
export function corpusPrograms(): string[] {
  return readdirSync(fixturePath('check-corpus')).filter((name) => name !== preloaded);
}

/** Runs a program under every variation and compares. Programs may share a `directory`. */
export async function observeProgram(name: string, directory: string): Promise<Observation[]> {
  const runs = new Runs(name, directory);
  const base = runs.run({});
  const oneCpu = runs.run({ oneCpu: true });
  const pairs: (readonly [Variation, Run, Run])[] = [
    ['none', base, runs.run({})],
    ['none', base, runs.run({})],
    ['none', oneCpu, runs.run({ oneCpu: true })],
    ['cores', base, oneCpu],
    ['later-start', base, runs.run({ clock: 3 })],
    ['later-day', base, runs.run({ clock: 3 * 86_400 })],
    ['directory-order', base, runs.run({ order: 'down' })],
    ['addresses', base, runs.run({ randomAddresses: true })],
    ['kernel-name', base, runs.run({ oldKernelName: true })],
    ['first-pid', base, runs.run({ pid: 700 })],
    ['umask', base, runs.run({ umask: 0o002 })],
    ['locale', base, runs.run({ locale: { LC_ALL: 'C.UTF-8', TERM: 'dumb' } })],
    ['descriptors', base, runs.run({ descriptors: 3 })],
  ];
  const observations: Observation[] = [];
  for (const [variation, a, b] of pairs) {
    const found = await compareOutputs([{ name: 'out', a: a.output, b: b.output }]);
    observations.push({ variation, a: a.facts, b: b.facts, ...found });
  }
  return observations;
}

/** Why programs with this cause are all the same on this machine, whatever is varied. */
export function cannotShow(cause: string): string | undefined {
  if (availableParallelism() === 1 && ['thread-race', 'cpu-count'].includes(cause)) {
    return 'this machine has one processor';
  }
  if (cause === 'address' && readFileSync(randomised, 'latin1').trim() === '0') {
    return 'no addresses are random on this machine';
  }
  return undefined;
}

const randomised = '/proc/sys/kernel/randomize_va_space';

/** What makes the programs differ that look as if something else did. */
export const alikeCauses: Readonly<Record<string, CauseName>> = {
  timestamp: 'random',
  date: 'cpu-count',
  'build-path': 'pid',
  'directory-order': 'locale',
  'hash-order': 'umask',
  pid: 'umask',
  address: 'random',
  random: 'locale',
  'cpu-count': 'locale',
  uname: 'umask',
  umask: 'locale',
  locale: 'umask',
  'thread-race': 'hash-order',
};

interface Conditions {
  /** Seconds by which the clock is ahead. */
  readonly clock: number;
  readonly pid: number;
  readonly order: 'up' | 'down';
  readonly randomAddresses: boolean;
  readonly oldKernelName: boolean;
  readonly oneCpu: boolean;
  readonly umask: number;
  readonly locale: Readonly<Record<string, string>>;
  /** Descriptors inherited besides the usual ones. */
  readonly descriptors: number;
}

/** As in a sandbox: addresses are not random, and the builder has the same process id each time. */
const usual: Conditions = {
  clock: 0,
  pid: 2,
  order: 'up',
  randomAddresses: false,
  oldKernelName: false,
  oneCpu: false,
  umask: 0o022,
  locale: { LC_ALL: 'C', TERM: 'xterm' },
  descriptors: 0,
};

interface Run {
  readonly output: string;
  readonly facts: BuildFacts;
}

const preloaded = 'vary.c';
/** Python must not take `random.py` for a module; what its installation adds (-S) is not of interest. */
const interpreters: Readonly<Record<string, readonly string[]>> = {
  '.py': ['python3', '-I', '-S'],
  '.pl': ['perl'],
  '.sh': ['sh'],
};

class Runs {
  readonly #directory: string;
  readonly #command: readonly string[];
  readonly #library: string;
  #count = 0;

  constructor(name: string, directory: string) {
    this.#directory = join(directory, name);
    mkdirSync(this.#directory);
    const source = fixturePath('check-corpus', name);
    const program = join(this.#directory, 'program');
    const interpreter = interpreters[extname(name)];
    this.#command = interpreter === undefined ? [program] : [...interpreter, source];
    if (interpreter === undefined) compile(source, program, '-pthread');
    this.#library = join(directory, 'vary.so');
    if (!existsSync(this.#library))
      compile(fixturePath('check-corpus', preloaded), this.#library, '-shared', '-fPIC', '-ldl');
  }

  run(changed: Partial<Conditions>): Run {
    const conditions = { ...usual, ...changed };
    const build = join(this.#directory, 'build');
    rmSync(build, { recursive: true, force: true });
    mkdirSync(join(build, 'input'), { recursive: true });
    for (let i = 0; i < 20; i++) writeFileSync(join(build, 'input', `file${(i * 7) % 20}`), '');
    const clock = () => Date.now() / 1000 + conditions.clock;
    const startedAt = clock();
    const contents = this.#start(build, conditions);
    const output = join(this.#directory, `output-${this.#count++}`);
    writeFileSync(output, contents);
    return { output, facts: factsOf(conditions, startedAt, clock()) };
  }

  #start(build: string, conditions: Conditions): Buffer {
    const { oneCpu, randomAddresses, oldKernelName } = conditions;
    const personality = [...(randomAddresses ? [] : ['-R']), ...(oldKernelName ? ['--uname-2.6'] : [])];
    const command = [
      ...['sh', '-c', 'umask "$0" && exec "$@"', conditions.umask.toString(8).padStart(4, '0')],
      ...(personality.length > 0 ? ['setarch', ...personality] : []),
      ...(oneCpu ? ['taskset', '--cpu-list', firstCpu()] : []),
      ...['env', `LD_PRELOAD=${this.#library}`, ...this.#command],
    ];
    const nothing = openSync('/dev/null', 'r');
    try {
      const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
        cwd: build,
        env: {
          PATH: process.env['PATH'],
          NIX_BUILD_CORES: String(oneCpu ? 1 : coresOfBase),
          VARY_CLOCK: String(conditions.clock),
          VARY_PID: String(conditions.pid),
          VARY_ORDER: conditions.order,
          ...conditions.locale,
        },
        stdio: ['ignore', 'pipe', 'pipe', ...Array.from({ length: conditions.descriptors }, () => nothing)],
      });
      if (status !== 0) throw new Error(`${this.#command.join(' ')} failed: ${stderr}`);
      return stdout;
    } finally {
      closeSync(nothing);
    }
  }
}

function compile(source: string, program: string, ...flags: string[]): void {
  execFileSync('cc', ['-D_GNU_SOURCE=', '-O1', '-Wall', '-o', program, source, ...flags]);
}

/** NIX_BUILD_CORES is a number that nothing else is. */
const coresOfBase = 13;

function factsOf(conditions: Conditions, startedAt: number, stoppedAt: number): BuildFacts {
  const { pid, oneCpu, oldKernelName, umask, locale, randomAddresses } = conditions;
  return {
    startedAt,
    stoppedAt,
    buildDirectory: '/build',
    storePaths: [],
    pids: [pid],
    cores: oneCpu ? 1 : availableParallelism(),
    buildCores: oneCpu ? 1 : coresOfBase,
    uname: { release: oldKernelName ? oldRelease() : release() },
    umask,
    locale,
    randomAddresses,
  };
}

function oldRelease(): string {
  return execFileSync('setarch', ['--uname-2.6', 'uname', '-r'], { encoding: 'utf8' }).trim();
}

/** One of those this process may run on. */
function firstCpu(): string {
  const status = readFileSync('/proc/self/status', 'latin1');
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(status)![1]!;
}
