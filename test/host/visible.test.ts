import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Deferred } from '../../ts/base/deferred.js';
import type { SettingsInput } from '../../ts/config/load.js';
import {
  type BuildResult,
  type DerivationValue,
  derivation,
  openStore,
  type Store,
  toFile,
} from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { fixedScript } from '../support/fixed-script.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What a build may see of the host, by real builds: nothing but what was named, what that needs, and what a hook put there.
const needs = requires('user-namespaces', 'program:busybox');
const withGcc = requires('user-namespaces', 'program:busybox', 'program:gcc');
const directory = temporaryDirectory('visible-host');
const busybox = ['/bin/busybox'];

before(() => {
  if (needs.skip) return;
  for (const name of ['sockets', 'shared', 'other']) mkdirSync(join(directory, name));
});

async function inStore<T>(settings: SettingsInput, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': busybox, 'allowed-impure-host-deps': [], ...settings },
    env: { ...process.env, XDG_CACHE_HOME: join(directory, 'cache') },
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

let number = 0;
/** A derivation whose builder runs a shell script in which `bb` is busybox. Each is another one. */
function script(text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return derivation({
    name: `visible-${++number}`,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-euc', `bb() { /bin/busybox "$@"; }\n${text}`],
    run: `${process.pid}`,
    ...more,
  } as Parameters<typeof derivation>[0]);
}

async function attempt(settings: SettingsInput, wanted: DerivationValue): Promise<BuildResult> {
  return await inStore(settings, async (store) => (await store.build([wanted]).result).results[0]!);
}

/** What the build wrote to its output. */
async function output(settings: SettingsInput, wanted: DerivationValue): Promise<string> {
  return await inStore(settings, async (store) => {
    const { results } = await store.build([wanted]).result;
    assert.equal(results[0]!.error, undefined);
    return readFileSync(store.local.realPath(results[0]!.outputs['out']!), 'utf8').trimEnd();
  });
}

/** What the error says, whether it kept everything from starting or only this build. */
async function complaint(settings: SettingsInput, wanted: DerivationValue): Promise<string> {
  try {
    return (await attempt(settings, wanted)).error?.message ?? 'it was built';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Refused with this message, and no sandbox is left. */
async function refused(settings: SettingsInput, wanted: DerivationValue, message: RegExp): Promise<void> {
  assert.match(await complaint(settings, wanted), message);
  assert.deepEqual(
    readdirSync(join(directory, 'root/nix/store')).filter((name) => name.endsWith('.chroot')),
    [],
  );
}

function hook(text: string): string {
  const file = join(directory, `hook-${++number}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

test('gcc alone is enough to execute it', withGcc, async () => {
  const text = await output(
    { 'sandbox-paths': [...busybox, '/usr/bin/gcc'] },
    script('/usr/bin/gcc --version > $out; bb test ! -e /usr/lib'),
  );
  assert.match(text, /^gcc /);
});

test('a script brings its interpreter', needs, async () => {
  const file = join(directory, 'script');
  writeFileSync(file, '#!/bin/sh\necho "from $0"\n');
  chmodSync(file, 0o755);
  const settings = { 'sandbox-paths': [...busybox, `/opt/tool=${file}`] };
  assert.equal(await output(settings, script('/opt/tool > $out')), 'from /opt/tool');
});

test('a store path brings its closure, whether a setting or a hook names it', needs, async () => {
  const inner = toFile('inner', 'the inner text\n');
  const outer = toFile('outer', `${inner}\n`);
  await inStore({}, async (store) => {
    const user = script(`echo ${outer} > $out`);
    assert.equal((await store.build([user]).result).exitStatus, 0);
  });
  const name = basename(outer.outPath);
  const physical = join(directory, 'root/nix/store', name);
  const cat = () => script(`bb cat $(bb cat /nix/store/${name.slice(0, 32)}*) > $out`);
  for (const path of [`/nix/store/${name}`, physical]) {
    assert.equal(await output({ 'sandbox-paths': [...busybox, path] }, cat()), 'the inner text');
    const hooked = { 'pre-build-hook': hook(`printf 'extra-sandbox-paths\\n${path}\\n\\n'`) };
    assert.equal(await output(hooked, cat()), 'the inner text');
  }
});

test('no build reaches a socket of the host through a read-only directory', withGcc, async (t) => {
  const connecter = compileFixture('connect');
  const path = join(directory, 'sockets/listener');
  let reached = 0;
  const server: Server = createServer((socket) => {
    reached++;
    socket.end('reached');
  }).listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const talk = () => script('/connect /mnt/listener > $out');
  const paths = [...busybox, `/connect=${connecter}`];

  const mounted = `/mnt=${join(directory, 'sockets')}`;
  await refused({ 'sandbox-paths': [...paths, mounted] }, talk(), /holds a socket, '.*sockets\/listener'/);
  await refused(
    { 'sandbox-paths': paths, 'pre-build-hook': hook(`printf 'extra-sandbox-paths\\n${mounted}\\n'`) },
    talk(),
    /holds a socket.*the pre-build hook '.*' named it/,
  );
  await refused(
    { 'sandbox-paths': paths, 'allowed-impure-host-deps': [directory] },
    script('true', { __impureHostDeps: join(directory, 'sockets') }),
    /holds a socket.*__impureHostDeps/,
  );
  assert.equal(reached, 0);
  // Declared, it is reached: it is the refusal that protects.
  const declared = { 'sandbox-paths': paths, 'writable-sandbox-paths': [mounted] };
  assert.equal(await output(declared, talk()), 'reached');
  assert.equal(reached, 1);
});

test('read-only unless declared writable', needs, async () => {
  const shared = join(directory, 'shared');
  const write = () =>
    script('if echo x > /mnt/file; then echo written > $out; else echo refused > $out; fi 2>/dev/null');
  assert.equal(await output({ 'sandbox-paths': [...busybox, `/mnt=${shared}`] }, write()), 'refused');
  assert.ok(!existsSync(join(shared, 'file')));
  const result = await attempt({ 'writable-sandbox-paths': [`/mnt=${shared}`] }, write());
  assert.equal(result.error, undefined);
  assert.equal(readFileSync(join(shared, 'file'), 'utf8'), 'x\n');
  assert.match(result.isolation?.shortfalls.join(' ') ?? '', /shared' can be written to/);
});

/** A build that may write to `place` runs, until all of `others` are built or wait; what these say of it. */
async function meanwhile(
  place: string,
  settings: SettingsInput,
  others: readonly SettingsInput[],
): Promise<string[]> {
  const mark = join(place, 'running');
  const first = attempt(
    settings,
    script(
      'echo > /mnt/running; while bb test ! -e /mnt/stop; do bb sleep 0.1; done; bb rm /mnt/stop /mnt/running; echo > $out',
    ),
  );
  while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 50));
  const run = others.map((other) => {
    const waits = new Deferred<string>();
    const see = script(
      'for place in /mnt /shown; do bb test ! -e $place/running || echo $place; done > $out',
    );
    const result = inStore(other, async (store) => {
      const building = store.build([see]);
      for await (const event of building) {
        if (event.type === 'warning') waits.resolve(event.message);
      }
      const { results } = await building.result;
      waits.resolve('it was built');
      const path = results[0]!.outputs?.['out'];
      return path === undefined
        ? results[0]!.error?.message
        : readFileSync(store.local.realPath(path), 'utf8');
    });
    return { said: waits.promise, result };
  });
  const said = await Promise.all(run.map((one) => one.said));
  writeFileSync(join(place, 'stop'), '');
  assert.equal((await first).error, undefined);
  for (const [i, { result }] of run.entries()) {
    if (said[i] !== 'it was built') assert.equal(await result, '', 'it began when the other had ended');
  }
  return said;
}

test(
  'CVE-2021-30465, CVE-2024-11218, CVE-2024-23651: builds that share a writable directory wait for each other',
  needs,
  async () => {
    const shared = join(directory, 'other');
    const settings = { 'writable-sandbox-paths': [`/mnt=${shared}`] };
    const said = await meanwhile(shared, settings, [settings, settings]);
    for (const words of said) {
      assert.match(words, /^the build of 'visible-\d+' waits: .*other' is in use by another build/);
    }
  },
);

test(
  'CVE-2021-30465, CVE-2024-42472: nothing is mounted from below what another build can write to',
  needs,
  async () => {
    const outer = join(directory, 'outer');
    const inner = join(outer, 'sub');
    mkdirSync(inner, { recursive: true });
    const whole = { 'writable-sandbox-paths': [`/mnt=${outer}`] };
    const part = { 'writable-sandbox-paths': [`/mnt=${inner}`] };
    const shown = { 'sandbox-paths': [...busybox, `/shown=${inner}`] };
    for (const words of await meanwhile(outer, whole, [part, shown])) {
      assert.match(words, /lies below '.*outer', which another build is writing to/);
    }
    // What is read there is the other's to change, but nothing leads astray: it is the directory itself that is mounted.
    const [own, read] = await meanwhile(inner, part, [whole, shown]);
    assert.match(own!, /outer' is in use by another build/);
    assert.equal(read, 'it was built');
  },
);

test('who waits for a writable directory can be stopped', needs, async () => {
  const shared = join(directory, 'other');
  const settings = { 'writable-sandbox-paths': [`/mnt=${shared}`] };
  const first = attempt(
    settings,
    script(
      'echo > /mnt/running; while bb test ! -e /mnt/stop; do bb sleep 0.1; done; bb rm /mnt/stop /mnt/running; echo > $out',
    ),
  );
  while (!existsSync(join(shared, 'running'))) await new Promise((resolve) => setTimeout(resolve, 50));
  await inStore(settings, async (store) => {
    const controller = new AbortController();
    const building = store.build([script('echo > $out')], { signal: controller.signal });
    for await (const event of building) if (event.type === 'warning') controller.abort();
    const ended = await building.result.catch((error) => error);
    assert.equal(ended.code ?? ended.results[0].error.code, 'ERR_ABORTED');
  });
  writeFileSync(join(shared, 'stop'), '');
  assert.equal((await first).error, undefined);
});

test('CVE-2024-42472: a host path is mounted only if it leads where it did', needs, async () => {
  const place = join(directory, 'moving');
  for (const name of ['data', 'elsewhere']) mkdirSync(join(place, name), { recursive: true });
  writeFileSync(join(place, 'elsewhere/file'), 'of the host');
  const shown = { 'sandbox-paths': [...busybox, `/data=${join(place, 'data')}`] };
  const look = () => script('bb ls /data > $out');
  // Whoever it is: between the look at the path and the mount, a hook is where somebody can be put in.
  const swap = hook(`cd ${place} && mv data was && ln -s elsewhere data`);
  await refused(
    { ...shown, 'pre-build-hook': swap },
    look(),
    /moving\/data' leads elsewhere than when it was looked at/,
  );
  assert.equal(await output(shown, look()), 'file', 'the control: it does lead there');
});

test(
  'CVE-2024-42472: what is exchanged all the time from the look to the mount is never followed',
  requires('user-namespaces', 'program:busybox', 'program:cc'),
  async () => {
    const place = join(directory, 'spinning');
    const [data, link] = [join(place, 'data'), join(place, 'link')];
    for (const name of ['data', 'elsewhere']) {
      mkdirSync(join(place, name), { recursive: true });
      writeFileSync(join(place, name, 'file'), name);
    }
    symlinkSync('elsewhere', link);
    const spinner = spawn(compileFixture('exchange'), [data, link]);
    const stop = async () => {
      spinner.kill('SIGSTOP');
      const isStopped = () => /\) [Tt] /.test(readFileSync(`/proc/${spinner.pid}/stat`, 'latin1'));
      while (!isStopped()) await new Promise((resolve) => setTimeout(resolve, 1));
      if (!lstatSync(data).isSymbolicLink()) return;
      renameSync(data, join(place, 'link-again'));
      renameSync(link, data);
      renameSync(join(place, 'link-again'), link);
    };
    const settings = {
      'sandbox-paths': [...busybox, `/data=${data}`],
      'pre-build-hook': hook(`kill -CONT ${spinner.pid}`),
    };
    const ends = { built: 0, 'seen by the look': 0, 'seen by the mount': 0 };
    try {
      for (let round = 0; round < 60 || ends['seen by the mount'] === 0 || ends.built === 0; round++) {
        assert.ok(round < 2000, 'the mount met no symlink');
        await stop();
        const wanted = script('bb cat /data/file > $out');
        const { error } = await inStore(settings, async (store) => {
          const result = (await store.build([wanted]).result).results[0]!;
          const path = result.outputs['out'];
          if (path) assert.equal(readFileSync(store.local.realPath(path), 'utf8'), 'data', `round ${round}`);
          return result;
        });
        if (!error) ends.built++;
        else if (/leads elsewhere than when/.test(error.message)) ends['seen by the look']++;
        else {
          assert.match(error.message, /^the sandbox cannot be set up: bind .*data: ELOOP/);
          ends['seen by the mount']++;
        }
      }
    } finally {
      spinner.kill('SIGKILL');
    }
  },
);

test('CVE-2026-34078: a symlink that a build has made is not followed out of the store', needs, async () => {
  const secret = join(directory, 'secret');
  mkdirSync(secret);
  writeFileSync(join(secret, 'file'), 'of the host');
  const wanted = script(
    `bb mkdir $out; bb ln -s ${secret} $out/data; bb ln -s $out/data $out/again; bb ln -s . $out/own`,
  );
  assert.equal((await attempt({}, wanted)).error, undefined);
  const look = () => script('bb ls /mnt > $out');
  for (const name of ['data', 'again', 'own/data']) {
    const settings = { 'sandbox-paths': [...busybox, `/mnt=${wanted}/${name}`] };
    assert.match(await complaint(settings, look()), /leads out of the store, to '.*secret', by a symlink/);
  }
  // The control: named itself it is shown, and so is what lies in the store.
  assert.equal(await output({ 'sandbox-paths': [...busybox, `/mnt=${secret}`] }, look()), 'file');
  const inside = { 'sandbox-paths': [...busybox, `/mnt=${wanted}/own`] };
  assert.equal(await output(inside, look()), 'again\ndata\nown');
});

test('what a hook puts into the root is what the builder sees', needs, async () => {
  const file = hook(
    `test "$#" = 2; listing=$(ls "$2" | tr '\\n' ' '); echo "$listing" > "$2/listing"; echo "$1" > "$2/drv"; mkdir -p "$2/opt"; echo hooked > "$2/opt/x"; echo "1.2.3.4 everywhere" > "$2/etc/hosts"; echo told >&2`,
  );
  const wanted = script('bb cat /listing /drv /opt/x /etc/hosts > $out; bb grep -q nixbld /etc/passwd');
  const lines = (await output({ 'pre-build-hook': file }, wanted)).split('\n');
  assert.deepEqual(lines, ['etc nix tmp ', wanted.drvPath, 'hooked', '1.2.3.4 everywhere']);
});

test('a reply in JSON changes the environment and refuses builds', needs, async () => {
  const reply = (json: string) =>
    hook(`cat > ${join(directory, 'request')}; printf 'airplant-hook 1\\n%s' '${json}'`);
  const file = reply(
    `{"paths": [{"source": "${join(directory, 'root')}/nope", "target": "/n", "optional": true}, {"source": "/etc/hostname", "target": "/name", "optional": true}], "environment": {"FROM_HOOK": "yes", "run": null}, "limits": {"timeoutSeconds": 50}}`,
  );
  const wanted = script('set +u; echo "$FROM_HOOK <$run>" > $out');
  assert.equal(await output({ 'pre-build-hook': file }, wanted), 'yes <>');
  const request = JSON.parse(readFileSync(join(directory, 'request'), 'utf8')) as Record<string, unknown>;
  assert.equal(request['version'], 1);
  assert.equal(request['drvPath'], wanted.drvPath);
  assert.equal((request['environment'] as Record<string, string>)['run'], `${process.pid}`);
  await refused(
    { 'pre-build-hook': reply('{"refuse": "not on a Friday"}') },
    script('true'),
    /refuses to build '.*drv': 'not on a Friday'/,
  );
  const slow = reply('{"limits": {"timeoutSeconds": 1}}');
  await refused({ 'pre-build-hook': slow }, script('bb sleep 100'), /timed out after 1 seconds/);
});

test(
  'a failure of who had a network from a hook may go away by itself, as one of a fixed output may',
  needs,
  async () => {
    const reply = (network: string) => ({
      'pre-build-hook': hook(`printf 'airplant-hook 1\\n{"network": "${network}"}'`),
    });
    const failing = 'exit 3';
    assert.equal((await attempt({}, script(failing))).status, 'PermanentFailure');
    assert.equal((await attempt(reply('none'), script(failing))).status, 'PermanentFailure');
    assert.equal((await attempt(reply('host'), script(failing))).status, 'TransientFailure');
    assert.equal((await attempt(reply('none'), fixedScript(failing))).status, 'TransientFailure');
  },
);

const badHooks: Readonly<Record<string, readonly [hook: string, message: RegExp]>> = {
  'prints something unknown': ['echo bogus', /unknown pre-build hook command 'bogus'/],
  fails: ['echo why >&2; exit 7', /failed with exit code 7: 'why'/],
  'dies by a signal': ['kill -9 $$', /failed due to signal 9 \(Killed\)/],
  'prints without end': ['exec yes', /wrote more than/],
  'names what does not exist': [
    "printf 'extra-sandbox-paths\\n/nonexistent\\n'",
    /'\/nonexistent' does not exist.*pre-build hook/,
  ],
  'names the state of the store': [
    `printf 'extra-sandbox-paths\\n${join(directory, 'root/nix/var/nix')}\\n'`,
    /the store's own state/,
  ],
};
for (const [what, [text, message]] of Object.entries(badHooks)) {
  test(`a hook that ${what} fails the build, and leaves nothing`, needs, async () => {
    const file = hook(`touch "$2/left"; ${text}`);
    await refused({ 'pre-build-hook': file }, script('true'), message);
  });
}

test('a hook that hangs is ended', needs, () =>
  refused(
    { 'pre-build-hook': hook('sleep 1000'), 'pre-build-hook-timeout': 1 },
    script('true'),
    /did not end within 1 seconds/,
  ),
);

test('a hook must be named by an absolute path', needs, () =>
  refused({ 'pre-build-hook': 'hook.sh' }, script('true'), /'pre-build-hook' is not an absolute path/),
);

test('host paths a derivation asks for itself', needs, async () => {
  const file = join(directory, 'dependency');
  writeFileSync(file, 'impure\n');
  const wanted = () => script(`bb cat ${file} > $out`, { __impureHostDeps: `${file} /no/such/file` });
  await refused(
    {},
    wanted(),
    /requested impure path '.*dependency', but it was not in allowed-impure-host-deps/,
  );
  assert.equal(await output({ 'allowed-impure-host-deps': [directory, '/no'] }, wanted()), 'impure');
});

test('show-sandbox says of every path why it is there', withGcc, async () => {
  const settings = {
    'sandbox-paths': [...busybox, '/usr/bin/gcc'],
    'pre-build-hook': hook("printf 'extra-sandbox-paths\\n/x=/etc/hostname\\n'"),
  };
  await inStore(settings, async (store) => {
    const wanted = script('true');
    await store.instantiate(wanted);
    const { entries } = await store.showSandbox(wanted.drvPath);
    const why = (target: RegExp) => entries.find((entry) => target.test(entry.target))?.why;
    assert.equal(why(/^\/usr\/bin\/gcc$/), "sandbox-paths has '/usr/bin/gcc'");
    assert.equal(why(/\/ld-linux[^/]*$/), 'the loader of /usr/bin/gcc');
    assert.equal(why(/\/libc\.so\.6$/), 'a library of /usr/bin/gcc');
    assert.match(why(/^\/x$/) ?? '', /^the pre-build hook '.*' named it$/);
  });
});

after(() => {
  if (needs.skip) return;
  const mounts = execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' });
  assert.ok(!mounts.includes(directory), 'a mount was left');
});
