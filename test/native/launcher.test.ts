import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { launcherPath, native } from '../../ts/native.js';
import { type LauncherReply, ReplyReader } from '../../ts/sandbox/launcher-reply.js';
import { isAlive } from '../support/processes.js';

describe('openPty', () => {
  test('is raw: every byte passes unchanged, both ways', () => {
    const { master, slave } = native.openPty();
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
    const { master, slave } = native.openPty();
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
    for (let i = 0; isAlive(pid) && i < 500; i++) await delay(10);
    assert.equal(native.reapLauncher(pid), 0);
    // Not a child of ours any more, so it must not be killed either.
    assert.throws(() => native.reapLauncher(pid), { syscall: 'waitpid' });
    assert.throws(() => native.reapLauncher(process.ppid), { syscall: 'waitpid' });
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
