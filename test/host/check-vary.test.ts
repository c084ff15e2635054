import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { variations } from '../../ts/build/check/causes/facts.js';
import { settingsHost } from '../../ts/config/host.js';
import {
  type CheckResult,
  type DerivationValue,
  derivation,
  openStore,
  type Store,
  source,
} from '../../ts/index.js';
import { alikeCauses, cannotShow, corpusPrograms } from '../support/check-corpus.js';
import { fixturePath } from '../support/fixtures.js';
import { requires } from '../support/requires.js';
import { leftoversIn } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Checks that vary what a build must not depend on: programs of the corpus, built for real.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc', 'program:python3', 'program:perl');
const directory = temporaryDirectory('host-check-vary');
const vary = variations.filter((variation) => variation !== 'none');
const hostPrograms = [
  '/bin/sh',
  '/bin/busybox',
  ...['python3', 'perl', 'env', 'uname', 'date', 'nproc', 'ls', 'cut', 'wc', 'sort', 'cc', 'as', 'cat'].map(
    (name) => `/usr/bin/${name}`,
  ),
];
const hostDirectories = [
  '/usr/lib',
  '/usr/include',
  '/usr/share/perl',
  '/lib',
  '/lib64?',
  '/usr/lib64?',
  '/usr/share/perl5?',
];
const { system } = settingsHost({});
let store: Store;

before(async () => {
  if (needs.skip) return;
  store = await openStore({
    store: join(directory, 'root'),
    settings: {
      'sandbox-paths': [...hostPrograms, ...hostDirectories],
      'max-jobs': 2,
    },
  });
});
after(() => store?.close());

/** A build whose output is what a program of the corpus prints, in a directory that has twenty empty files in `input`. */
function corpusBuild(name: string): DerivationValue {
  const extension = extname(name);
  const text = fixturePath('check-corpus', name);
  let program = text;
  if (extension === '.c') {
    mkdirSync(join(directory, name));
    program = join(directory, name, 'program');
    execFileSync('cc', ['-D_GNU_SOURCE=', '-O1', '-pthread', '-o', program, text]);
  }
  const interpreter = { '.py': 'python3 -I -S', '.pl': 'perl', '.sh': 'sh' }[extension] ?? '';
  return derivation({
    name: `corpus-${name.replaceAll('.', '-')}`,
    system,
    builder: '/bin/sh',
    args: [
      '-c',
      `PATH=/usr/bin:/bin
      busybox mkdir input
      for i in 0 7 14 1 8 15 2 9 16 3 10 17 4 11 18 5 12 19 6 13; do : > input/file$i; done
      ${interpreter} $program > $out`,
    ],
    program: source(program),
  });
}

async function check(wanted: DerivationValue, options: Parameters<Store['check']>[1]): Promise<CheckResult> {
  const { results } = await store.check([wanted], options).result;
  return results[0]!;
}

function causesOf({ report }: CheckResult): string[] | undefined {
  return report?.causes.map(({ cause }) => cause);
}

const languages: Readonly<Record<string, readonly string[]>> = {
  timestamp: ['timestamp.c', 'timestamp.py'],
  date: ['date.c', 'date.sh'],
  'directory-order': ['directory-order.c', 'directory-order.py'],
  'hash-order': ['hash-order.pl', 'hash-order.py'],
  pid: ['pid.c', 'pid.sh'],
  address: ['address.c', 'address.pl'],
  random: ['random.c', 'random.py'],
  'cpu-count': ['cpu-count.c', 'cpu-count.sh'],
  uname: ['uname.c', 'uname.sh'],
  umask: ['umask.py', 'umask.sh'],
  locale: ['locale.c', 'locale.sh'],
  'thread-race': ['thread-race.c', 'thread-race.py'],
};

for (const [cause, programs] of Object.entries(languages)) {
  const here = needs.skip ? needs : { skip: cannotShow(cause) ?? false };
  for (const program of programs) {
    test(`${program} is caught, and the cause is named`, here, async () => {
      const result = await check(corpusBuild(program), { vary });
      assert.equal(result.status, 'NotDeterministic', JSON.stringify(result.error));
      assert.deepEqual(result.rounds[0]?.varied, vary);
      assert.deepEqual(
        result.rounds.flatMap(({ notVaried }) => notVaried),
        [],
      );
      assert.deepEqual(causesOf(result), [cause], JSON.stringify(result.report?.causes));
    });
  }
}

for (const [alike, cause] of Object.entries(alikeCauses)) {
  const program = corpusPrograms().find((name) => name.startsWith(`alike-${alike}.`))!;
  test(`${program} has another cause, which is named`, needs, async () => {
    const result = await check(corpusBuild(program), { vary });
    assert.deepEqual(causesOf(result), [cause], JSON.stringify(result.report?.causes));
  });
}

test('a date beside the files that come with another date is a date, and nothing else', needs, async () => {
  const wanted: DerivationValue = derivation({
    name: 'list-and-date',
    system,
    builder: '/bin/sh',
    args: ['-c', '{ busybox ls /etc; echo; /usr/bin/date +%Y-%m-%d; } > $out'],
  });
  const result = await check(wanted, { vary });
  assert.deepEqual(causesOf(result), ['date'], JSON.stringify(result.report?.causes));
});

for (const program of [
  'sound-archive.py',
  'sound-hash.pl',
  'sound-json.py',
  'sound-listing.sh',
  'sound-object.sh',
  'sound-threads.c',
]) {
  test(`${program} is the same, whatever is varied`, needs, async () => {
    const result = await check(corpusBuild(program), { vary });
    assert.equal(result.status, 'Same', JSON.stringify(result.error));
    assert.equal(result.rounds.length, 1);
  });
}

test('nothing is left of all that', needs, () => {
  const left = leftoversIn(store).filter((name) => !name.endsWith('.check'));
  assert.deepEqual(left, []);
});
