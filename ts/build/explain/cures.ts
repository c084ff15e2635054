import { posix } from 'node:path';
import { quote } from '../../base/quote.js';
import type { CulpritKind } from './culprit.js';
import type { Thing } from './things.js';

/** What this machine, outside of any sandbox, has. */
export interface HostFacts {
  exists(path: string): Awaitable<boolean>;
  /** Where it has a program, a library or a header of this name; undefined if nowhere that is usual. */
  find(kind: 'program' | 'library' | 'header', name: string): Awaitable<string | undefined>;
  /** The store has this path, valid. */
  inStore(storePath: string): boolean;
}

type Awaitable<Value> = Value | Promise<Value>;

/** What is wrong, and what can be done about it. */
export interface Advice {
  readonly what: string;
  readonly cure: string;
  readonly setting?: { readonly name: string; readonly value: string };
  /** This machine has it. */
  readonly onHost: boolean;
}

/** What to say of something that was missed. `missed`: the names of all that was. */
export async function adviceFor(thing: Thing, host: HostFacts, missed: ReadonlySet<string>): Promise<Advice> {
  return await advisers[thing.kind](thing, host, missed);
}

type Adviser = (thing: Thing, host: HostFacts, missed: ReadonlySet<string>) => Awaitable<Advice>;

const advisers: Readonly<Record<CulpritKind, Adviser>> = {
  interpreter: ({ name, attempts }, host) =>
    visible(name, host, {
      what: `the script ${lastPath(attempts)} wants the interpreter ${quote(name)}, which the sandbox does not have`,
      better:
        posix.basename(name) === 'env'
          ? 'Let the first line name its interpreter by a path in an input (patchShebangs does), or'
          : 'Let the first line name an interpreter out of an input, or',
    }),
  loader: ({ name, attempts }, host) =>
    visible(name, host, {
      what: `the program ${lastPath(attempts)} wants the loader ${quote(name)}, which the sandbox does not have`,
      better: 'It was made for another system: give it a loader out of an input (patchelf does), or',
    }),
  program: (thing, host) => sought('program', thing, host),
  library: (thing, host) => sought('library', thing, host),
  header: async (thing, host, missed) => {
    const advice = await sought('header', thing, host);
    const directory = posix.dirname((await host.find('header', thing.name)) ?? '');
    // A compiler leaves out directories that do not exist.
    if (!missed.has(directory)) return advice;
    const value = settingValue(directory);
    if (value === undefined) return advice;
    const cure = `Add an input that has it, or show this machine's (${visibleSetting} = ${value}).`;
    return { ...advice, cure, setting: { name: visibleSetting, value } };
  },
  'undeclared-input': ({ name }, host) => ({
    what: `${quote(name)} is a store path, but not among the inputs of this derivation`,
    cure: host.inStore(name)
      ? 'The store has it: refer to it in the derivation, so that it becomes an input.'
      : 'The store does not have it either: build it, and refer to it in the derivation.',
    onHost: host.inStore(name),
  }),
  'not-in-input': ({ name }) => ({
    what: `an input or output does not hold ${quote(name)}`,
    cure: 'The input is another one than the builder expects, or another output of it is needed.',
    onHost: false,
  }),
  network: ({ name }) => ({
    what:
      name === 'name service'
        ? 'it looked up a host name, but builds have no network'
        : `it wanted to connect to ${name}, but builds have no network`,
    cure: 'Fetch what it needs in a derivation with a fixed output (outputHash), which has a network, and make that an input.',
    onHost: false,
  }),
  socket: ({ name }) => ({
    what: `it wanted to connect to the socket ${quote(name)}, which the sandbox does not have`,
    cure: 'No build can rely on a service of this machine; start it in the build, or do without.',
    onHost: false,
  }),
  device: async ({ name }, host) =>
    name === '/dev/kvm'
      ? {
          what: "it wanted '/dev/kvm', which only builds that ask for it have",
          cure: 'Let the derivation say requiredSystemFeatures = kvm.',
          onHost: await host.exists(name),
        }
      : visible(name, host, {
          what: `the sandbox has no device ${quote(name)}`,
          better: 'Do without, or',
          setting: 'extra-writable-sandbox-paths',
        }),
  'kernel-file': async ({ name }, host) =>
    name.startsWith('/sys')
      ? visible(name, host, {
          what: `the sandbox does not show ${quote(name)}, which tells of the machine`,
          better: 'A build should not depend on the machine: do without, or',
        })
      : {
          what: `the sandbox's own /proc has no ${quote(name)}`,
          cure: 'It shows the processes of the build only, and no setting changes that: do without.',
          onHost: await host.exists(name),
        },
  home: ({ attempts }) => ({
    what: `it wanted ${quote(attempts.at(-1)!.path)}, but there is no home directory in the sandbox`,
    cure: 'Let the builder set HOME to a directory of its own, such as $TMPDIR, and name no path below a real home.',
    onHost: false,
  }),
  write: ({ name }) => ({
    what: `it wanted to write to ${quote(name)}, which the sandbox does not let it`,
    cure: 'Only $TMPDIR (the build directory), /tmp and the outputs can be written to: give it one of these.',
    onHost: false,
  }),
  'build-file': ({ name }) => ({
    what: `it looked for ${quote(name)} in its own directories, and nobody had made it`,
    cure: 'The sandbox has no part in this: a source file, or a step before, is missing.',
    onHost: false,
  }),
  file: ({ name }, host) =>
    visible(name, host, {
      what: `the sandbox has no ${quote(name)}`,
      better: 'Take it from an input, or',
    }),
};

const visibleSetting = 'extra-sandbox-paths';

/** Something that one setting would show, if this machine has it. */
async function visible(
  path: string,
  host: HostFacts,
  { what, better, setting = visibleSetting }: { what: string; better: string; setting?: string },
): Promise<Advice> {
  if (!(await host.exists(path))) {
    return { what: `${what}, nor does this machine`, cure: 'Take it from an input.', onHost: false };
  }
  const value = settingValue(path);
  if (value === undefined) return { what, cure: `${better} show this machine's.`, onHost: true };
  return {
    what,
    cure: `${better} show this machine's: ${setting} = ${value}`,
    setting: { name: setting, value },
    onHost: true,
  };
}

/** What was looked for in one directory after the other. */
async function sought(kind: SearchedKind, { name, attempts }: Thing, host: HostFacts): Promise<Advice> {
  const paths = [...new Set(attempts.map(({ path }) => path))];
  const where = paths.length === 1 ? quote(paths[0]!) : `${quote(name)}, in ${paths.length} directories`;
  const what = `it looked for the ${kind} ${where}, and the sandbox does not have it`;
  const there = await firstThere(paths, host);
  const source = there ?? (await host.find(kind, name));
  if (source === undefined) {
    return { what: `${what}, nor does this machine`, cure: `Add an input that has it.`, onHost: false };
  }
  const noPath = kind === 'program' && there === undefined && paths.every(isNowhere);
  const target = there ?? (noPath ? source : paths.find((path) => isUsualPlace(kind, path)));
  const value = target === undefined ? undefined : settingValue(target, source);
  const show =
    value === undefined
      ? `show this machine's (${quote(source)}) where it is looked for`
      : `show this machine's (${visibleSetting} = ${value})`;
  return {
    what: noPath
      ? `it looked for the program ${quote(name)}, but the derivation sets no PATH to look in`
      : what,
    cure: `Add an input that has it, or ${show}${noPath ? ', and set PATH' : ''}.`,
    ...(value === undefined ? {} : { setting: { name: visibleSetting, value } }),
    onHost: true,
  };
}

/** More directories than any search is through. */
const mostLookups = 64;

async function firstThere(paths: readonly string[], host: HostFacts): Promise<string | undefined> {
  for (const path of paths.slice(0, mostLookups)) if (await host.exists(path)) return path;
  return undefined;
}

type SearchedKind = 'program' | 'library' | 'header';

/** Below what `PATH` is when a derivation sets none. */
function isNowhere(path: string): boolean {
  return path.startsWith('/path-not-set/');
}

/**
 * What the setting would be that shows `source` at `target`; undefined where either may mean anything else, to the
 * setting, which is a list, or to the shell it is pasted into: builders choose the names they try.
 */
function settingValue(target: string, source = target): string | undefined {
  if (!isPlainPath(target) || !isPlainPath(source)) return undefined;
  return target === source ? target : `${target}=${source}`;
}

function isPlainPath(path: string): boolean {
  return /^\/[A-Za-z0-9._+/@-]+$/.test(path) && posix.normalize(path) === path;
}

/** Only in these directories is something of this machine shown under another path than its own. */
function isUsualPlace(kind: SearchedKind, path: string): boolean {
  return usualDirectories[kind].test(posix.dirname(path));
}

const usualDirectories: Readonly<Record<SearchedKind, RegExp>> = {
  program: /^\/(usr\/(local\/)?)?s?bin$/,
  // With the directories of one architecture each.
  library: /^\/(usr\/(local\/)?)?lib(32|64|x32)?(\/[a-z0-9_]+-linux-[a-z0-9]+)?$/,
  header: /^\/usr\/(local\/)?include(\/[a-z0-9_]+-linux-[a-z0-9]+)?$/,
};

function lastPath(attempts: Thing['attempts']): string {
  return quote(attempts.at(-1)!.path);
}
