import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { connect, Server } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveRoots } from '../../../ts/store/collect/roots-server.js';
import { withShortcut } from '../../../ts/store/socket-shortcut.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('roots-server');

test('somebody who cannot be accepted ends no collection', async (t) => {
  mkdirSync(join(directory, 'gc-socket'));
  const listen = t.mock.method(Server.prototype, 'listen');
  const heard: string[] = [];
  const server = await serveRoots(directory, (path) => heard.push(path));
  // As node tells of an accept(2) that fails.
  const listening = listen.mock.calls[0]!.this as Server;
  listening.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE', syscall: 'accept' }));
  await withShortcut(join(directory, 'gc-socket'), async (shortcut) => {
    const socket = connect(join(shortcut, 'socket'));
    socket.write('path\n');
    assert.equal(await new Promise((resolve) => socket.once('data', (answer) => resolve(`${answer}`))), '1');
    socket.destroy();
  });
  assert.deepEqual(heard, ['path']);
  await server.close();
});
