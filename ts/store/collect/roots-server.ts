import { once } from 'node:events';
import { chmodSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.js';
import { withShortcut } from '../socket-shortcut.js';

/**
 * Listens on `gc-socket/socket` for paths that processes begin to work on while a collector runs: a line each, answered
 * with `1` as soon as `onRoot` has returned. From then on the path is theirs. Nobody but the holder of `gc.lock` may start
 * one.
 *
 * The socket has a name at all times, from before the lock is taken on (see `prepareSocket`): a Nix 2.8 that finds none
 * believes itself heard.
 */
export async function serveRoots(stateDir: string, onRoot: (path: string) => void): Promise<RootsServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Whoever goes away does not want an answer.
    socket.on('error', () => socket.destroy());
    answerLines(socket, onRoot);
  });
  const directory = join(stateDir, 'gc-socket');
  const fresh = await listen(server, directory);
  try {
    renameSync(fresh, join(directory, 'socket'));
  } catch (error) {
    await stop(server);
    throw error;
  }
  return {
    close: async () => {
      const closed = stop(server);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export interface RootsServer {
  /** Whoever waits for an answer sees the end of the connection, and takes the lock instead. */
  close(): Promise<void>;
}

/** Makes sure that the socket has a name, if only one at which nobody listens: clients try again then. */
export async function prepareSocket(stateDir: string): Promise<void> {
  const directory = join(stateDir, 'gc-socket');
  makeDirectory(directory, 0o755);
  if (existsSync(join(directory, 'socket'))) return;
  const server = createServer();
  const fresh = await listen(server, directory);
  try {
    // Never in the place of a collector's that has come meanwhile.
    linkSync(fresh, join(directory, 'socket'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await stop(server);
    rmSync(fresh, { force: true });
  }
}

/** Listens at a name of its own in the directory, open to every user as in Nix, and returns its path. */
async function listen(server: Server, directory: string): Promise<string> {
  const name = `socket.tmp-${process.pid}-${counter++}`;
  try {
    rmSync(join(directory, name), { force: true });
    await withShortcut(directory, async (shortcut) => {
      server.listen(join(shortcut, name));
      await once(server, 'listening');
    });
    // Somebody cannot be accepted, for want of descriptors say: whoever is not heard tries again.
    server.on('error', () => {});
    chmodSync(join(directory, name), 0o666);
    return join(directory, name);
  } catch (error) {
    await stop(server);
    throw error;
  }
}

let counter = 0;

/** Resolves when nobody is connected any more; harmless for one that does not listen. */
async function stop(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function answerLines(socket: Socket, onRoot: (path: string) => void): void {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) onRoot(line);
    if (rest.length > longestLine) socket.destroy();
    else if (lines.length > 0 && !socket.write('1'.repeat(lines.length))) {
      // Who does not read the answers is not read any further.
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
}

/** PATH_MAX. */
const longestLine = 4096;
