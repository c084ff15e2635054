import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { type DerivationValue, openStore, type Store, toFile } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { LogTerminal } from '../../ts/sandbox/log-terminal.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('shell-failed');
process.env['NIX_STORE_DIR'] = join(directory, 'store');

function open(settings: Readonly<Record<string, unknown>> = {}): Promise<Store> {
  return openStore({
    settings: {
      'sandbox-paths': ['/bin/busybox', '/bin/sh=/bin/busybox'],
      'keep-failed': true,
      ...settings,
    } as never,
  });
}

const store = await open();
after(() => store.close());

async function keep(wanted: DerivationValue, where: Store = store): Promise<string> {
  const { error } = (await where.build([wanted]).result).results[0]!;
  assert.ok(error?.keptDirectory, error?.message);
  return error.keptDirectory;
}

/** Runs a script in the sandbox of what was kept; what it wrote, and its exit status. */
async function inside(wanted: DerivationValue, script: string, where: Store = store) {
  return await enter(wanted, ['/bin/busybox', 'sh', '-c', `bb() { /bin/busybox "$@"; }\n${script}`], where);
}

async function enter(wanted: DerivationValue, command: readonly string[] | undefined, where: Store = store) {
  let text = '';
  const terminal = new LogTerminal((chunk) => {
    text += Buffer.from(chunk).toString();
  });
  try {
    terminal.read();
    const { slave } = terminal;
    const exit = await where.enterFailed(wanted.drvPath, { command, stdio: [slave, slave, slave] });
    terminal.finish();
    return { exit, text };
  } finally {
    terminal.close();
  }
}

/** All that a process can say about the sandbox it is in. */
const portrait = `
bb env | bb grep -v ^SHLVL= | bb sort
bb id; bb hostname; umask; ulimit -a; pwd
bb cut -d ' ' -f 4- /proc/self/mountinfo | bb sed 's/[^ ]*\\.drv\\.[a-z]*//; s/master:[0-9]*//; s/inode64//' | bb sort
bb grep -E '^(Seccomp|NoNewPrivs|Cap|Groups|Uid|Gid)' /proc/self/status
bb cat /proc/net/dev | bb cut -d : -f 1
bb cat /proc/self/personality
`;

test('the sandbox is the very same, and everything is where the builder left it', needs, async () => {
  const wanted = scriptDerivation(
    'portrayed',
    `{ ${portrait} } > portrait 2>&1; bb mkdir deep; echo left > deep/file; echo > /tmp/there; echo half > $out; exit 1`,
    { input: toFile('input', 'an input') },
  );
  const kept = await keep(wanted);
  const { exit, text } = await inside(
    wanted,
    `{ ${portrait} } > /tmp/again 2>&1; bb cat deep/file $out $input; bb ls -1 /tmp`,
  );
  assert.deepEqual([exit.kind, text], ['exited', 'left\nhalf\nan inputagain\nthere\n']);
  const portrayed = readFileSync(join(kept, 'portrait'), 'utf8');
  assert.equal(readFileSync(join(kept, '../root/tmp/again'), 'utf8'), portrayed);
  assert.match(portrayed, /\/nix\/store|shell-failed/);
  assert.match(portrayed, /Seccomp:\t2/);
});

test('what is written stays; inputs cannot be written, and the host is not there', needs, async () => {
  const wanted = scriptDerivation('written', 'exit 1', { input: toFile('read-only', 'an input') });
  const kept = await keep(wanted);
  const { text, exit } = await inside(
    wanted,
    `echo kept > note; (echo > $input) 2> /tmp/refused && echo bad; test -e /etc/shadow && echo bad; bb cat /proc/net/route | bb wc -l; exit 7`,
  );
  assert.equal(exit.kind === 'exited' && exit.status, 7);
  assert.equal(text, '1\n');
  assert.equal(readFileSync(join(kept, 'note'), 'utf8'), 'kept\n');
});

test('the settings of the build count, not those of the shell', needs, async () => {
  const usual = await open({
    'sandbox-build-dir': '/elsewhere',
    'filter-syscalls': false,
    'sandbox-dev-shm-size': '1m',
  });
  const wanted = scriptDerivation('settings', 'exit 1');
  await keep(wanted, usual);
  await usual.close();
  const { text } = await inside(
    wanted,
    'pwd; bb grep ^Seccomp: /proc/self/status; bb df -k /dev/shm | bb tail -n 1 | bb awk "{print \\$2}"',
  );
  assert.equal(text, '/elsewhere\nSeccomp:\t0\n1024\n');
});

test(
  'a shell on a terminal of its own has job control; typing reaches it and its end is told',
  needs,
  async () => {
    const wanted = scriptDerivation('typed', 'echo left > file; exit 1');
    await keep(wanted);
    let text = '';
    const terminal = new LogTerminal((chunk) => {
      text += Buffer.from(chunk).toString();
    }, 'usual');
    terminal.read();
    const { slave } = terminal;
    const run = store.enterFailed(wanted.drvPath, { stdio: [slave, slave, slave], terminal: true });
    terminal.resize(71, 23);
    terminal.write(
      Buffer.from(
        'set -m; /bin/busybox cat file; /bin/busybox stty size; echo $$ $(/bin/busybox awk "{print \\$8}" /proc/$$/stat)\nexit 5\n',
      ),
    );
    const exit = await run;
    terminal.finish();
    assert.equal(exit.kind === 'exited' && exit.status, 5, text);
    assert.match(text, /left\r\n/);
    assert.match(text, /23 71\r\n/);
    assert.match(text, /\b2 2\r\n/, 'the terminal’s foreground group is the shell’s');
    assert.doesNotMatch(text, /job control|access tty/);
  },
);

test(
  'a program without a slash is looked up by the shell; one that is not there is an error',
  needs,
  async () => {
    const wanted = scriptDerivation('looked-up', 'exit 1', { PATH: '/bin' });
    await keep(wanted);
    assert.equal((await enter(wanted, ['busybox', 'echo', 'a  b'])).text, 'a  b\n');
    await assert.rejects(enter(wanted, ['/bin/missing']), {
      code: 'ERR_FILE',
      message: /'\/bin\/missing' cannot be run in the sandbox: ENOENT/,
    });
    const bare = await open({ 'sandbox-paths': ['/bin/busybox'] });
    const other = scriptDerivation('no-shell', 'exit 1');
    await keep(other, bare);
    await bare.close();
    await assert.rejects(enter(other, undefined), { code: 'ERR_FILE', hint: /has no \/bin\/sh/ });
  },
);

test('a build directory that its builder has closed is named, and what opens it', needs, async () => {
  const wanted = scriptDerivation('closed', 'echo left > file; bb chmod 0 $NIX_BUILD_TOP; exit 1');
  const kept = await keep(wanted);
  await assert.rejects(inside(wanted, 'exit 0'), (error: { code: string; message: string; hint: string }) => {
    assert.equal(error.code, 'ERR_FILE');
    assert.ok(error.hint.includes(`chmod u+rwx '${kept}'`), error.hint);
    return error.message.includes('with mode 0000');
  });
  chmodSync(kept, 0o500);
  assert.equal((await inside(wanted, 'bb cat file')).text, 'left\n');
});

test('nothing kept, and a store that has lost an input', needs, async () => {
  await assert.rejects(enter(scriptDerivation('never', 'exit 1'), undefined), {
    code: 'ERR_NOTHING_KEPT',
    hint: /--keep-failed/,
  });
  const wanted = scriptDerivation('lost', 'exit 1', { input: toFile('to-be-lost', 'an input') });
  await keep(wanted);
  const [input] = (await store.local.readDerivation(wanted.drvPath)).inputSrcs;
  await native.removeTree(store.local.realPath(input!));
  await assert.rejects(enter(wanted, undefined), { code: 'ERR_INPUT_MISSING', message: /has lost/ });
});

test('a record that is damaged, or that somebody else may have written, is not believed', needs, async () => {
  const wanted = scriptDerivation('damaged', 'exit 1');
  const record = join(dirname(await keep(wanted)), 'failed-build.json');
  const good = readFileSync(record, 'utf8');
  const refused = async (message: RegExp) => {
    // A command that ends by itself, should it be run.
    await assert.rejects(inside(wanted, 'exit 0'), { code: 'ERR_KEPT_DAMAGED', message });
  };
  const written: [unknown, RegExp][] = [
    [good.slice(0, -20), /JSON/],
    [good.replace('"version":1', '"version":2'), /record\.version should be 1/],
    [good.replace('"network":"none"', '"network":"auto"'), /record\.request\.network should be/],
    [good.replace('"readOnly":true', '"readOnly":"no"'), /hostPaths\[0\]\.readOnly should be true or false/],
    [good.replace('"version":1', '"version":1,"more":1'), /without "more"/],
    [good.replace(wanted.drvPath, '/nix/store/other.drv'), /its record is of/],
    ['null', /should be an object/],
  ];
  for (const [text, message] of written) {
    writeFileSync(record, text as string);
    await refused(message);
  }
  writeFileSync(record, good);
  linkSync(record, `${record}-link`);
  await refused(/not only yours/);
  renameSync(`${record}-link`, `${record}-moved`);
  await native.removeTree(record);
  symlinkSync('failed-build.json-moved', record);
  await refused(/ELOOP/);
  await native.removeTree(record);
  await refused(/ENOENT/);
  renameSync(`${record}-moved`, record);
  chmodSync(dirname(record), 0o750);
  await refused(/others may enter it/);
  chmodSync(dirname(record), 0o700);
  assert.equal((await inside(wanted, 'echo here')).text, 'here\n');
});

test(
  'with a build-dir, a directory that somebody put in the place of what was kept is not entered',
  needs,
  async () => {
    const buildDir = join(directory, 'builds');
    mkdirSync(buildDir, { recursive: true });
    const apart = await open({ 'build-dir': buildDir });
    const wanted = scriptDerivation('replaced', 'echo left > file; exit 1');
    const top = dirname(await keep(wanted, apart));
    assert.equal((await inside(wanted, 'bb cat file', apart)).text, 'left\n');
    const refused = async (message: RegExp) => {
      await assert.rejects(inside(wanted, 'exit 0', apart), { code: 'ERR_KEPT_DAMAGED', message });
    };
    chmodSync(top, 0o755);
    await refused(/others may enter '.*\/airplant-/);
    chmodSync(top, 0o700);
    renameSync(top, `${top}-away`);
    await refused(/it lacks '.*\/airplant-/);
    mkdirSync(join(top, 'build'), { recursive: true, mode: 0o700 });
    await refused(/'.*\/airplant-[^/]*' is another directory than was kept/);
    await native.removeTree(top);
    renameSync(`${top}-away`, top);
    renameSync(join(top, 'build'), join(top, 'other'));
    mkdirSync(join(top, 'build'));
    await refused(/build' is another directory than was kept/);
    await store.removeFailed([wanted.drvPath]);
    assert.deepEqual(readdirSync(buildDir), []);
    await apart.close();
  },
);

test(
  'as root: a directory of another user is neither entered nor removed, and nothing is kept there',
  requires('root', 'user-namespaces', 'program:busybox'),
  async () => {
    const buildDir = join(directory, 'shared-builds');
    mkdirSync(buildDir, { recursive: true });
    chmodSync(buildDir, 0o1777);
    const shared = await open({ 'build-dir': buildDir });
    const wanted = scriptDerivation('taken-over', 'exit 1');
    const top = dirname(await keep(wanted, shared));
    chownSync(top, 12345, 12345);
    await assert.rejects(inside(wanted, 'exit 0', shared), {
      code: 'ERR_KEPT_DAMAGED',
      message: /airplant-[^/]*' belongs to user 12345/,
    });
    const warnings: string[] = [];
    const run = shared.build([wanted]);
    for await (const event of run) if (event.type === 'warning') warnings.push(event.message);
    assert.equal((await run.result).results[0]!.error?.keptDirectory, undefined);
    assert.match(warnings.join('\n'), /could not be kept: .*airplant-[^/]*', .* belongs to user 12345/);
    assert.equal(statSync(top).uid, 12345);
    await shared.close();
  },
);

test('builds without a sandbox are entered where they are', needs, async () => {
  const unsealed = await open({ sandbox: false });
  const wanted = scriptDerivation('unsealed', 'echo left > file; exit 1');
  const kept = await keep(wanted, unsealed);
  assert.equal((await inside(wanted, 'bb cat $NIX_BUILD_TOP/file; pwd', unsealed)).text, `left\n${kept}\n`);
  await unsealed.close();
});

test(
  'a builder that was root of many ids: what it left is the caller’s, and its own again inside',
  requires('user-namespaces', 'program:busybox', 'subordinate-ids'),
  async () => {
    const wanted = scriptDerivation(
      'many',
      'bb mkdir d; echo x > d/f; bb chown -R 7:8 d; bb chmod 700 d; exit 1',
      {
        requiredSystemFeatures: ['uid-range'],
      },
    );
    const kept = await keep(wanted);
    assert.equal(statSync(join(kept, 'd/f')).uid, process.geteuid!());
    assert.equal(readFileSync(join(kept, 'd/f'), 'utf8'), 'x\n');
    const { text } = await inside(wanted, 'bb id -u; bb stat -c %u .; bb chown 9 d/f && bb stat -c %u d/f');
    assert.equal(text, '0\n0\n9\n');
    assert.equal(statSync(join(kept, 'd/f')).uid, process.geteuid!());
    await store.removeFailed([wanted.drvPath]);
  },
);

test(
  'as root: what a builder left that was not root is root’s, and its own again inside',
  requires('root', 'user-namespaces', 'program:busybox'),
  async () => {
    const wanted = scriptDerivation(
      'not-root',
      'echo x > f; bb chmod 600 f; bb stat -c %u f > owner; exit 1',
    );
    const kept = await keep(wanted);
    const { uid, gid, mode } = statSync(join(kept, 'f'));
    assert.deepEqual([uid, gid, mode & 0o777], [0, 0, 0o600]);
    const { text } = await inside(
      wanted,
      'bb cat f; bb stat -c %u f; bb cat owner; bb cat /proc/self/uid_map',
    );
    assert.match(text, /^x\n(\d+)\n\1\n/);
    assert.doesNotMatch(text, /^ *\d+ +0 +\d+$/m, 'no id of the sandbox is the host’s root');
    assert.equal(statSync(join(kept, 'f')).uid, 0);
    await store.removeFailed([wanted.drvPath]);
  },
);
