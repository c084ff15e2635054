import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { processesWith } from '../support/processes.js';

/** Where a hostile builder has been, whether in a sandbox or in a bare namespace. */
export interface Scene {
  /** The probe, for what Node cannot look at. */
  readonly probe: string;
  /** HAZARD_MARKER. */
  readonly marker: string;
  /** Host paths of the output, and of the one that is a link. */
  readonly out: string;
  readonly link: string;
  readonly canary: string;
  /** Process that nobody should have sent a signal to. */
  readonly bystander: number;
}

/**
 * What is seen from outside when a builder has ended, as further attempts of the catalogue's rows: what it left running,
 * mounted and lying about, and what is at its outputs. `O10` takes time to show and so is not among them.
 */
export function aftermath(scene: Scene): Map<string, string> {
  const { marker, out } = scene;
  const looks: Readonly<Record<string, () => string>> = {
    'I1 bystander': () => (hasPending(scene.bystander, sigurg) ? 'hit' : 'spared'),
    'I4 daemon': () => lifeOf(`${marker}-I4`),
    'I6 log': () => (processesWith(`${marker}-I6`).some(hasOutput) ? 'held open' : 'closed'),
    'I8 orphans': () => lifeOf(`${marker}-I8`),
    'L1 capable process': () => lifeOf(`${marker}-L1`),
    'L2 file-outside': () => (existsSync(join('/tmp', marker)) ? 'there' : 'gone'),
    'L2 capable mount-point': () =>
      processesWith(`${marker}-L2`).some((pid) => mountsOf(pid).includes(`/${marker} `)) ? 'mounted' : 'gone',
    'F10 output': () => (readlinkSync(scene.link) === scene.canary ? 'a link' : 'elsewhere'),
    'F10 target': () =>
      (statSync(scene.canary).mode & 0o7777) === 0o644 && readFileSync(scene.canary, 'utf8') === 'seen'
        ? 'untouched'
        : 'changed',
    'F12 output': () => (existsSync(join(out, 'old')) ? 'the old one' : 'the new one'),
    'O2 modes': () => allOf(join(out, 'modes'), (file) => (lstatSync(file).mode & 0o7777).toString(8)),
    'O5 names': () =>
      readdirSync(join(out, 'names'), 'buffer')
        .map((name) => name.toString('hex'))
        .sort()
        .join(','),
    'O6 names': () => readdirSync(join(out, 'cases')).sort().join(','),
    'O7 links': () => String(lstatSync(join(out, 'linked', 'a')).nlink),
    'O9 file': () => (readFileSync(join(out, 'closed', 'file'), 'utf8') === 'x\n' ? 'read' : 'changed'),
    'O11 times': () =>
      allOf(join(out, 'times'), (file) => String(Number(lstatSync(file, { bigint: true }).mtimeNs) / 1e9)),
    'O14 attributes': () => attributesOf(scene.probe, join(out, 'attributes')),
  };
  return new Map(Object.entries(looks).map(([attempt, look]) => [attempt, outcomeOf(look)]));
}

const sigurg = 23;

function outcomeOf(look: () => string): string {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code;
  }
}

/** Field ShdPnd of proc(5) has a bit for each signal that waits for the process. */
function hasPending(pid: number, signal: number): boolean {
  const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!;
  return (BigInt(`0x${pending}`) >> BigInt(signal - 1)) % 2n === 1n;
}

function lifeOf(name: string): string {
  return processesWith(name).length > 0 ? 'alive' : 'gone';
}

function hasOutput(pid: number): boolean {
  return existsSync(`/proc/${pid}/fd/1`);
}

function mountsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
}

/** What is seen of a directory and of everything in it, each once. */
function allOf(directory: string, see: (file: string) => string): string {
  const files = [directory, ...readdirSync(directory).map((name) => join(directory, name))];
  return [...new Set(files.map(see))].sort().join(',');
}

function attributesOf(probe: string, file: string): string {
  const { stdout, stderr, status } = spawnSync(probe, ['attributes', file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}
