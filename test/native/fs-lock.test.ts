import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';

test('locks exclude each other as flock(2) says, and go with the descriptor', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-lock-'));
  const open = () => openSync(join(directory, 'lock'), 'a+', 0o600);
  const [a, b, c] = [open(), open(), open()];
  try {
    assert.equal(native.tryLock(a, 'shared'), true);
    assert.equal(native.tryLock(b, 'shared'), true);
    assert.equal(native.tryLock(c, 'exclusive'), false);
    native.unlock(a);
    assert.equal(native.tryLock(b, 'exclusive'), true, 'a shared lock is upgraded');
    assert.equal(native.tryLock(a, 'shared'), false);
    closeSync(b);
    assert.equal(native.tryLock(c, 'exclusive'), true);
  } finally {
    closeSync(a);
    closeSync(c);
    rmSync(directory, { recursive: true });
  }
});

test('wrong arguments are TypeErrors, a closed descriptor is EBADF', () => {
  assert.throws(() => native.tryLock(-1, 'shared'), TypeError);
  assert.throws(() => native.tryLock(1.5, 'shared'), TypeError);
  assert.throws(() => native.tryLock(0, 'both' as 'shared'), /mode must be 'shared' or 'exclusive'/);
  assert.throws(() => native.unlock(2 ** 31), TypeError);
  assert.throws(() => native.tryLock(99_999, 'shared'), { code: 'EBADF', syscall: 'flock' });
});
