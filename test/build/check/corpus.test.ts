import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { test } from 'node:test';
import { nameCauses } from '../../../ts/build/check/causes/name-causes.js';
import { alikeCauses, cannotShow, corpusPrograms, observeProgram } from '../../support/check-corpus.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('check-corpus');
const tools = [
  'program:cc',
  'program:python3',
  'program:perl',
  'program:setarch',
  'program:taskset',
] as const;

/** What each program is for: its name without the extension. */
const causes = [
  'timestamp',
  'date',
  'directory-order',
  'hash-order',
  'pid',
  'address',
  'random',
  'cpu-count',
  'uname',
  'umask',
  'locale',
  'thread-race',
];

const programs = corpusPrograms();
const stem = (name: string) => name.slice(0, -extname(name).length);

async function causesOf(name: string): Promise<string[]> {
  return nameCauses(await observeProgram(name, directory)).map(({ cause }) => cause);
}

function needs(cause: string): { skip: string | false } {
  const host = requires('linux', ...tools);
  if (host.skip) return host;
  // Docker's filter of system calls, for one, refuses it.
  const { status } = spawnSync('setarch', ['-R', 'true']);
  return { skip: cannotShow(cause) ?? (status !== 0 && 'no addresses can be made predictable here') };
}

test('each cause in two languages, a look-alike for each, and six sound builds', () => {
  const count = (name: string) => programs.filter((program) => stem(program) === name).length;
  assert.deepEqual(
    causes.filter((cause) => count(cause) !== 2),
    [],
  );
  assert.deepEqual(
    Object.keys(alikeCauses).filter((name) => count(`alike-${name}`) !== 1),
    [],
  );
  const sound = programs.filter((program) => program.startsWith('sound-')).length;
  assert.equal(sound, 6);
  assert.equal(programs.length, 2 * causes.length + Object.keys(alikeCauses).length + sound);
});

for (const name of programs) {
  const kind = stem(name);
  test(name, needs(kind), async () => {
    const named = await causesOf(name);
    if (kind.startsWith('sound-')) assert.deepEqual(named, []);
    else if (kind.startsWith('alike-')) assert.deepEqual(named, [alikeCauses[kind.slice('alike-'.length)]]);
    else assert.deepEqual(named, [kind]);
  });
}
