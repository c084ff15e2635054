import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { startBuild } from '../../ts/build/builder.js';
import type { Executor, ExecutorJob, FinishedAttempt } from '../../ts/build/executor.js';
import { foreseenInputs } from '../../ts/build/inputs.js';
import { LocalExecutor } from '../../ts/build/local-executor.js';
import type { BuildOptions } from '../../ts/build/options.js';
import { planBuild } from '../../ts/build/plan.js';
import type { Attempt, BuildRequest, Settled } from '../../ts/build/records.js';
import { makeRequest } from '../../ts/build/request.js';
import { placeOf } from '../../ts/build/scratch.js';
import { settleOutputs } from '../../ts/build/settle.js';
import { loadModule } from '../../ts/cli/load-module.js';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { callersIdentity } from '../../ts/sandbox/identity.js';
import type { SandboxEntry, SandboxSpec } from '../../ts/sandbox/spec.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { checkMadeParts, layOut, repository } from '../support/documentation-page.js';
import { plainOptions } from '../support/fake-builds.js';
import { findProgram, requires } from '../support/requires.js';
import { openTestStore, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const page = 'docs/tour.md';
const example = 'examples/greeting/default.ts';
const made = ['module', 'paths', 'plan', 'request', 'sandbox'];
const madeByBuilding = [
  'events',
  'attempt',
  'settled',
  'registered',
  'disk before',
  'disk during',
  'disk after',
];

/** What the page calls the store's root, and where its busybox is. */
const pageRoot = '/home/you/.local/share/airplant/root';
const pageShell = '/bin/busybox';

const directory = temporaryDirectory('tour');

test('the tour shows the plan, the request and the sandbox that the code makes', async () => {
  await using store = await openTestStore(join(directory, 'planned'));
  const { drvPath, outPath } = await greeting(store);
  const plan = planBuild([{ kind: 'outputs', drvPath, outputs: 'all' }], store);
  const derivation = store.readDerivation(drvPath);
  const inputs = foreseenInputs(derivation, store);
  const subject = { drvPath, derivation, inputs, graphs: new Map() };
  const request = makeRequest(subject, '/nix/store', optionsWith(pageShell));
  const directories = testDirectories(pageRoot);
  const executor = new LocalExecutor(optionsWith(pageShell), directories);
  const scratch = `${directories.realStoreDir}/${drvPath.slice('/nix/store/'.length)}.chroot`;
  const place = placeOf(scratch);
  checkMadeParts(
    page,
    {
      module: readFileSync(join(repository, example), 'utf8'),
      paths: [derivation.inputSrcs[0], drvPath, outPath].join('\n'),
      plan: layOut(plan),
      request: layOut(request),
      sandbox: layOut(
        abridged(executor.plan(request, place, { identity: callersIdentity, connection: undefined })),
      ),
    },
    { unchecked: madeByBuilding },
  );
});

const needs = requires('user-namespaces', 'program:busybox');
const mayBuild = process.arch === 'x64' ? needs.skip : 'the derivation of the tour is for x86_64-linux';
test('the tour shows what comes of a real build', { skip: mayBuild }, async () => {
  const root = join(directory, 'built');
  await using store = await openTestStore(root);
  const { drvPath, outPath } = await greeting(store);
  const options = optionsWith(findProgram('busybox')!);
  const watched = new WatchedExecutor(new LocalExecutor(options, store.directories), store, root);
  const before = filesOf(root);
  const events: BuildEvent[] = [];
  const run = startBuild({
    wanted: async () => [{ kind: 'outputs', drvPath, outputs: 'all' }],
    store,
    repair: false,
    substitutes: async () => undefined,
    engine: async () => ({ options, executor: watched }),
    signal: new AbortController().signal,
  });
  for await (const event of run) events.push(event);
  assert.deepEqual((await run.result).results[0]?.error, undefined);

  const { attempt, settled, during } = watched;
  const { outcome, lastLines, outputs } = attempt!;
  // What this machine's limits take away is not the page's concern.
  const shortfalls = attempt!.isolation.shortfalls.filter((sentence) => !sentence.startsWith('The limit '));
  const isolation = { ...attempt!.isolation, shortfalls };
  const later = { startedAt: undefined, stoppedAt: undefined, usage: undefined };
  const registered = { ...store.pathInfo(outPath), registrationTime: undefined };
  checkMadeParts(
    page,
    {
      events: joinedLogs(events)
        .map((event) => layOut(abridgedEvent(event)))
        .join('\n'),
      attempt: layOut(renamed({ outcome, ...later, isolation, lastLines, outputs }, root)),
      settled: layOut(renamed(settled, root)),
      registered: layOut(registered),
      'disk before': before,
      'disk during': during,
      'disk after': filesOf(root),
    },
    { unchecked: made },
  );
});

test('every function the tour names is where it says', () => {
  const text = readFileSync(join(repository, page), 'utf8');
  const links = [...text.matchAll(/\[`(\w+)`\]\(\.\.\/([^)]+)\)/g)];
  assert.ok(links.length > 10);
  for (const [, name, file] of links) {
    assert.ok(existsSync(join(repository, file!)), `${file} does not exist`);
    assert.match(
      readFileSync(join(repository, file!), 'utf8'),
      new RegExp(`\\b${name}\\b`),
      `${name} in ${file}`,
    );
  }
});

/** Puts the example into the store. */
async function greeting(store: LocalStore): Promise<{ drvPath: string; outPath: string }> {
  const { derivations } = await loadModule(join(repository, example));
  const [value] = derivations as unknown as DerivationValue[];
  await instantiate(evaluatedObjects(value), store);
  return value!;
}

/** The default settings on a machine with 8 CPUs. */
function optionsWith(shell: string): BuildOptions {
  const why = 'the default shell, a static busybox';
  return {
    ...plainOptions,
    cores: 8,
    hostPaths: [{ target: '/bin/sh', source: shell, optional: false, readOnly: true, why }],
    terminationGrace: 2,
    keepBuildLog: true,
    compressBuildLog: true,
    logLines: 25,
  };
}

/** Keeps the records that pass by, and what is on disk when the builder has written its first line. */
class WatchedExecutor implements Executor {
  readonly name = 'watched';
  attempt: Attempt | undefined;
  settled: Settled | undefined;
  during = '';

  constructor(
    readonly executor: Executor,
    readonly store: LocalStore,
    readonly root: string,
  ) {}

  async run(job: ExecutorJob, hooks: Parameters<Executor['run']>[1]): Promise<FinishedAttempt> {
    const finished = await this.executor.run(job, {
      ...hooks,
      onLog: (chunk) => {
        // Whether its output is there yet is a matter of time.
        this.during ||= filesOf(this.root).replace(/^.*\.chroot\/store\/\w{32}-greeting\n/m, '');
        return hooks.onLog(chunk);
      },
    });
    this.attempt = finished.attempt;
    this.settled = await this.#settle(job.request, finished);
    return finished;
  }

  /** Settling twice gives the same twice. */
  async #settle(request: BuildRequest, { attempt, privateDirectory }: FinishedAttempt): Promise<Settled> {
    const [drvPath] = this.store.validDerivers(request.outputs[0]!.scratchPath);
    const derivation = this.store.readDerivation(drvPath!);
    const job = {
      drvPath: drvPath!,
      derivation,
      request,
      missing: ['out'],
      discardReferences: new Set<string>(),
      privateDirectory,
      signal: new AbortController().signal,
      caseHack: false,
    };
    return await settleOutputs(job, attempt, '/nix/store');
  }
}

/** The entries a reader wants to see, each without what is the same for all; the targets of the others. */
function abridged(spec: SandboxSpec): object {
  const shown = ['/', '/etc/passwd', '/nix/store', '/dev/null', '/bin/sh', '/build', '/proc'];
  const rest = spec.entries.filter(({ target, why }) => !shown.includes(target) && why !== 'an input');
  const entries = spec.entries.filter((entry) => !rest.includes(entry)).map(abridgedEntry);
  return {
    ...spec,
    entries: [...entries, `and ${rest.map(({ target }) => target).join(', ')}`],
    command: { ...spec.command, env: undefined },
  };
}

function abridgedEntry(entry: SandboxEntry): object {
  if (entry.kind === 'file') return { ...entry, contents: undefined };
  if (entry.kind !== 'bind') return entry;
  const { kind, source, target, readOnly, why } = entry;
  return { kind, source, target, readOnly, why };
}

/** Without the derivation, which is the same in all of them. */
/** One log event for all in a row: how output falls into chunks is chance. */
function joinedLogs(events: readonly BuildEvent[]): BuildEvent[] {
  const joined: BuildEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type !== 'build.log' || last?.type !== 'build.log') joined.push(event);
    else joined[joined.length - 1] = { ...event, chunk: Buffer.concat([last.chunk, event.chunk]) };
  }
  return joined;
}

function abridgedEvent(event: BuildEvent): object {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([key]) => key !== 'drvPath')
      .map(([key, value]) => {
        if (value instanceof Uint8Array) return [key, Buffer.from(value).toString()];
        return [key, key === 'milliseconds' ? undefined : value];
      }),
  );
}

/** The same with the page's name of the store's root in all text. */
function renamed(value: unknown, root: string): unknown {
  if (typeof value === 'string') return value.replace(root, pageRoot);
  if (Array.isArray(value)) return value.map((item) => renamed(item, root));
  if (typeof value !== 'object' || value === null) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, member]) => [key, renamed(member, root)]));
}

/** What lies in the parts of a store that a build changes, one path a line. */
function filesOf(root: string): string {
  const lines: string[] = [];
  const list = (path: string) => {
    const entries = readdirSync(join(root, path), { withFileTypes: true });
    if (entries.length === 0) lines.push(`${path}/`);
    for (const entry of entries) {
      const file = `${path}/${entry.name}`;
      if (entry.name === '.links') continue;
      if (!entry.isDirectory()) lines.push(file.replace(`temproots/${process.pid}`, 'temproots/PID'));
      else list(file);
    }
  };
  for (const path of ['nix/store', 'nix/var/nix/temproots', 'nix/var/log/nix']) list(path);
  return lines.sort().join('\n');
}
