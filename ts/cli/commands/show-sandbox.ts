import { plainText } from '../../report/messages.js';
import type { SandboxBackend, SandboxEntry, SandboxSpec } from '../../sandbox/spec.js';
import type { Command } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { writeJson } from '../output.js';
import { storeFlags } from '../setting-flags.js';
import { oneDerivation, withWanted } from '../with-wanted.js';

export const showSandboxCommand: Command = {
  name: 'show-sandbox',
  operands: 'SOURCE',
  operandCount: { min: 1, max: 1 },
  description: `Prints the sandbox a derivation would be built in: every file it would see and why, and what would be run.

A SOURCE is what \`build\` takes, and one derivation, or a path that one has made. Nothing is built. With --json it is the very record the launcher would be given.`,
  flags: [...storeFlags, jsonFlag],
  run: (context) =>
    withWanted(context, context.args.operands, async (found) => {
      const { args, stdout } = context;
      const spec = await found.store.showSandbox(await oneDerivation(found, args.operands[0]!));
      if (args.has('json')) await writeJson(stdout, spec);
      else await stdout.write(`${describeSandbox(spec).map(plainText).join('\n')}\n`);
      return 0;
    }),
};

/** One fact a line. */
export function describeSandbox(spec: SandboxSpec): string[] {
  const { namespaces, ids } = spec;
  const kinds = (['pid', 'ipc', 'uts'] as const).filter((kind) => namespaces[kind]);
  if (spec.backend?.kind === 'none')
    return ['sandbox     none: this runs on the machine itself, as you', '', ...describeCommand(spec)];
  if (spec.backend?.kind === 'darwin-seatbelt')
    return [...describeProfile(spec.backend), '', ...describeCommand(spec)];
  return [
    `root        ${spec.root.kind === 'tmpfs' ? 'an empty tmpfs' : spec.root.path}`,
    `namespaces  user, mount${kinds.map((kind) => `, ${kind}`).join('')}`,
    ...describeNetwork(spec),
    `syscalls    ${spec.filter === 'sealed' ? 'filtered' : 'not filtered'}`,
    `ids         uid ${ids.uid}, gid ${ids.gid}`,
    `host name   ${spec.hostname}`,
    '',
    ...spec.entries.map(describeEntry),
    '',
    ...describeCommand(spec),
  ];
}

function describeProfile({
  profile,
  parameters,
  sealed,
}: Extract<SandboxBackend, { kind: 'darwin-seatbelt' }>): string[] {
  return [
    sealed
      ? 'sandbox     what this profile allows:'
      : 'sandbox     none: this runs on the machine itself, as you, with this profile:',
    '',
    ...profile.trimEnd().split('\n'),
    '',
    ...parameters.map(([name, value]) => `parameter   ${name}=${oneLine(value)}`),
  ];
}

function describeCommand({ command }: SandboxSpec): string[] {
  return [
    `run         ${command.path}`,
    ...command.argv.slice(1).map((word) => `argument    ${oneLine(word)}`),
    `directory   ${command.cwd}`,
    ...command.env.map(([name, value]) => `environment ${name}=${oneLine(value)}`),
  ];
}

function describeNetwork({ namespaces, networkHelper, scopeAbstractSockets }: SandboxSpec): string[] {
  if (namespaces.network === 'host') {
    return [
      "network     the host's, its loopback services included",
      `            abstract sockets of the host can ${scopeAbstractSockets ? 'not ' : ''}be connected to`,
    ];
  }
  if (!networkHelper) return ['network     none but a loopback interface'];
  return [
    `network     its own, connected by ${networkHelper.program}`,
    ...networkHelper.argv.slice(1).map((word) => `            ${oneLine(word)}`),
    ...networkHelper.unreachable.map((network) => `unreachable ${network}`),
  ];
}

/** Text as it is, or as a JSON string if it holds newlines or other control characters. */
function oneLine(text: string): string {
  return /[\x00-\x1f\x7f-\x9f]/.test(text) ? JSON.stringify(text) : text;
}

function describeEntry(entry: SandboxEntry): string {
  return `${entryKind(entry).padEnd(10)}  ${entry.target}${entrySource(entry)}  (${entry.why})`;
}

function entryKind(entry: SandboxEntry): string {
  if (entry.kind !== 'bind') return entry.kind;
  return entry.readOnly ? 'read-only' : 'writable';
}

function entrySource(entry: SandboxEntry): string {
  if (entry.kind === 'symlink') return ` -> ${entry.to}`;
  if (entry.kind !== 'bind' || entry.source === entry.target) return '';
  return ` from ${entry.source}`;
}
