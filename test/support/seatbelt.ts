import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeText } from '../../ts/base/text.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { fixture } from './nix.js';

/** What is to be done, and to what: `[ 'file-read-data', { path: '/etc/passwd' } ]`. Keys as in seatbelt.scm. */
export type SeatbeltQuestion = readonly [operation: string, about?: Readonly<Record<string, string>>];

/** `allow` or `deny` for each question, by the profile of a spec, as test/fixtures/sandbox/seatbelt.scm finds it. */
export function askSeatbelt(spec: SandboxSpec, questions: readonly SeatbeltQuestion[]): string[] {
  const { status, stdout, stderr } = runSeatbelt(spec, questions);
  assert.equal(status, 0, stderr);
  const answers = stdout.trimEnd().split('\n');
  assert.equal(answers.length, questions.length);
  return answers;
}

/** The same, for a profile that may be refused. */
export function runSeatbelt(
  { backend }: Pick<SandboxSpec, 'backend'>,
  questions: readonly SeatbeltQuestion[],
): { status: number | null; stdout: string; stderr: string } {
  assert.equal(backend?.kind, 'darwin-seatbelt');
  const { profile, parameters } = backend as Extract<typeof backend, { kind: 'darwin-seatbelt' }>;
  const lines = [
    ...parameters.map(([name, value]) => `param ${hex(name)} ${hex(value)}`),
    ...questions.map(([operation, about = {}]) =>
      ['ask', operation, ...Object.entries(about).flatMap(([key, value]) => [key, hex(value)])].join(' '),
    ),
  ];
  const directory = mkdtempSync(join(tmpdir(), 'airplant-seatbelt-'));
  try {
    const file = join(directory, 'profile.sb');
    writeFileSync(file, encodeText(profile));
    return spawnSync('guile', ['--no-auto-compile', '-s', fixture('sandbox/seatbelt.scm'), file], {
      input: lines.join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function hex(text: string): string {
  return encodeText(text).toString('hex');
}
