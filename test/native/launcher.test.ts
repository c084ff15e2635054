import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { launcherPath, native } from '../../ts/native.js';
import { type LauncherReply, ReplyReader } from '../../ts/sandbox/launcher-reply.js';
import { isAlive } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { unsealedSpec } from '../support/sandbox.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('openPty', () => {
  test('is raw: every byte passes unchanged, both ways', () => {
    const { master, slave } = native.openPty('raw');
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    for (const [from, to] of [
      [slave, master],
      [master, slave],
    ] as const) {
      writeSync(from, bytes);
      const back = Buffer.alloc(512);
      assert.deepEqual(back.subarray(0, readSync(to, back)), bytes);
    }
    assert.throws(() => readSync(master, Buffer.alloc(1)), { code: 'EAGAIN' });
    closeSync(master);
    closeSync(slave);
  });

  test('gives descriptors that children do not inherit', () => {
    const { master, slave } = native.openPty('raw');
    const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    assert.ok(!stdout.split('\n').includes(String(slave)) && fstatSync(master).isCharacterDevice());
    closeSync(master);
    closeSync(slave);
  });
});

describe('startLauncher', () => {
  test('tells over the socket that there is nothing to execute', async () => {
    const { pid, control } = native.startLauncher('/no/launcher');
    const socket = new Socket({ fd: control });
    const reader = new ReplyReader();
    const replies: LauncherReply[] = [];
    for await (const chunk of socket) replies.push(...reader.push(chunk as Buffer));
    assert.deepEqual(replies, [{ kind: 'launcher-failed', run: 0, errno: 2 }]);
    assert.equal(native.reapLauncher(pid) >> 8, 127);
  });

  test('and the launcher ends by itself when the socket is closed', async () => {
    const { pid, control } = native.startLauncher(launcherPath);
    closeSync(control);
    for (let i = 0; isAlive(pid) && i < 2000; i++) await delay(10);
    assert.ok(!isAlive(pid));
    assert.equal(native.reapLauncher(pid), 0);
    // Not a child of ours any more, so it must not be killed either.
    assert.throws(() => native.reapLauncher(pid), { syscall: 'waitpid' });
    assert.throws(() => native.reapLauncher(process.ppid), { syscall: 'waitpid' });
  });

  test(
    'tells the pid of what was started, whichever of its processes was faster',
    requires('program:strace'),
    async (t) => {
      // The builder is executed, and its supervisor reports it, while the launcher reads that it is about to be.
      const slow = ['-e inject=sendto:delay_enter=50000', '-e inject=read:delay_exit=200000'];
      const traced = join(temporaryDirectory('traced'), 'launcher');
      const line = `exec strace -f -o /dev/null -e trace=read,sendto ${slow.join(' ')} '${launcherPath}'`;
      writeFileSync(traced, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
      const { control } = native.startLauncher(traced);
      const socket = new Socket({ fd: control });
      t.after(() => socket.destroy());
      const null_ = openSync('/dev/null', 'r+');
      t.after(() => closeSync(null_));
      native.sendLaunch(control, 1, unsealedSpec('exec sleep 60'), [null_]);
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      const [started] = new ReplyReader().push(chunk);
      assert.ok(started?.kind === 'started' && isAlive(started.pid), JSON.stringify(started));
    },
  );

  describe('a message that our build would not send', () => {
    const header = (kind: number, { version = 1, run = 7, length = 0 } = {}) => {
      const bytes = new ArrayBuffer(24);
      const littleEndian = endianness() === 'LE';
      const view = new DataView(bytes);
      view.setUint32(0, version, littleEndian);
      view.setUint32(4, kind, littleEndian);
      view.setBigUint64(8, BigInt(run), littleEndian);
      view.setBigUint64(16, BigInt(length), littleEndian);
      return Buffer.from(bytes);
    };
    const [launch, kill, guard] = [1, 2, 3];
    const guarded = temporaryDirectory('guarded');

    /** A launcher that keeps a sandbox and guards a directory. */
    async function busyLauncher(t: TestContext) {
      const launcher = native.startLauncher(launcherPath);
      const socket = new Socket({ fd: launcher.control });
      t.after(() => socket.destroy());
      // What the launcher did not read of ours resets the connection.
      socket.on('error', () => {});
      const directory = join(guarded, String(launcher.pid));
      mkdirSync(directory);
      native.sendGuard(launcher.control, 1, directory);
      const null_ = openSync('/dev/null', 'r+');
      native.sendLaunch(launcher.control, 1, unsealedSpec('exec sleep 60'), [null_]);
      closeSync(null_);
      const reader = new ReplyReader();
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      const [started] = reader.push(chunk);
      assert.equal(started?.kind, 'started');
      return { ...launcher, socket, directory, builder: started.pid };
    }

    /** Another sandbox runs and ends: whatever was sent before has been read. */
    async function answers(control: number, socket: Socket) {
      const null_ = openSync('/dev/null', 'r+');
      native.sendLaunch(control, 2, unsealedSpec('exit 0'), [null_]);
      closeSync(null_);
      const reader = new ReplyReader();
      const kinds: string[] = [];
      const listener = (chunk: Buffer) => {
        for (const { run, kind } of reader.push(chunk)) if (run === 2) kinds.push(kind);
      };
      socket.on('data', listener);
      while (!kinds.includes('exited') && !socket.destroyed) await delay(5);
      socket.off('data', listener);
      assert.ok(kinds.includes('exited'), kinds.join(' '));
    }

    for (const [what, bytes] of Object.entries({
      'of another version': header(kill!, { version: 2 }),
      'of no kind': header(9),
      garbage: Buffer.alloc(1000, 0xa5),
    })) {
      test(`${what} ends the launcher as its client's end would, and says so`, async (t) => {
        const { pid, socket, directory, builder } = await busyLauncher(t);
        const ended = new Promise((resolve) => socket.once('close', resolve));
        socket.resume().write(bytes);
        await ended;
        assert.equal(native.reapLauncher(pid), 1 << 8, 'an exit status, not a signal');
        assert.ok(!existsSync(directory));
        assert.ok(!isAlive(builder));
      });
    }

    for (const [what, bytes] of Object.entries({
      'a guard without a path': header(guard!),
      'a guard without its file': header(guard!, { length: 10 }),
      'a guard of impossible length': header(guard!, { length: 2 ** 53 }),
      'a kill of nobody': header(kill!),
      'a launch without descriptors': header(launch!, { length: 10 }),
      'half a header': Buffer.concat([header(kill!).subarray(0, 10), header(kill!).subarray(10)]),
    })) {
      test(`${what} leaves everything else as it is`, async (t) => {
        const { pid, control, socket, directory, builder } = await busyLauncher(t);
        socket.write(bytes);
        await answers(control, socket);
        assert.ok(isAlive(builder) && isAlive(pid) && existsSync(directory));
        socket.destroy();
        for (let i = 0; isAlive(pid) && i < 2000; i++) await delay(10);
        assert.ok(!isAlive(pid), 'its end is not waited for where it does not come');
        assert.equal(native.reapLauncher(pid), 0);
        assert.ok(!existsSync(directory) && !isAlive(builder));
      });
    }
  });

  test('is not for hands', () => {
    const { status, stderr } = spawnSync(launcherPath, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'ignore'],
    });
    assert.equal(status, 2);
    assert.match(stderr, /started by airplant/);
  });
});

test('arguments of the wrong type are TypeErrors', () => {
  const wrong: (() => unknown)[] = [
    () => native.startLauncher('' as never),
    () => native.startLauncher('a\0b'),
    () => native.startLauncher(1 as never),
    () => native.reapLauncher(-1),
    () => native.sendKill('x' as never, 1),
    () => native.sendKill(0, 0),
    () => native.sendKill(0, Number.NaN),
    () => native.sendLaunch(0, 1, undefined as never, [1]),
  ];
  for (const call of wrong) assert.throws(call, TypeError);
  assert.throws(() => native.sendKill(1 << 20, 1), { code: 'EBADF', syscall: 'sendmsg' });
});

describe('ReplyReader', () => {
  const started = Buffer.from('0400000001000000070000000000000039300000', 'hex');
  const failed = Buffer.concat([
    Buffer.from('0d000000020000000900000000000000', 'hex'),
    Buffer.from('0200000004000000', 'hex'),
    Buffer.from('bind/'),
  ]);

  test('finds replies however the stream is cut', () => {
    const stream = Buffer.concat([started, failed, started]);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 8 }), (cuts) => {
        const reader = new ReplyReader();
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const replies = places.slice(1).flatMap((end, i) => reader.push(stream.subarray(places[i], end)));
        assert.deepEqual(replies, [
          { kind: 'started', run: 7, pid: 12345 },
          { kind: 'setup-failed', run: 9, errno: 2, step: 'bind', path: '/' },
          { kind: 'started', run: 7, pid: 12345 },
        ]);
      }),
    );
  });

  test('refuses what no launcher sends, without waiting for gigabytes', () => {
    const reader = () => new ReplyReader();
    assert.throws(() => reader().push(Buffer.from(`ffffffff${'00'.repeat(12)}`, 'hex')), RangeError);
    assert.throws(() => reader().push(Buffer.from(`0000000099000000${'00'.repeat(8)}`, 'hex')), RangeError);
    assert.throws(() => reader().push(Buffer.from(`0000000001000000${'00'.repeat(8)}`, 'hex')), RangeError);
  });
});
