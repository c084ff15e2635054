import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/**
 * A long-lived process that times one piece of work inside itself, whenever asked, so that neither its own start
 * nor the way to it and back is counted. The protocol is lines: it prints `ready` (and anything it wants to say
 * of itself), then for each line it reads it does the work and prints `NANOSECONDS STATUS`, and after that the peak
 * resident memory in KiB if it knows. It ends when its standard input does.
 */
export interface Worker extends AsyncDisposable {
  /** What followed `ready`. */
  readonly greeting: string;
  /** Milliseconds of one piece of work. Throws when its status is not 0, quoting what it wrote to stderr. */
  readonly sample: () => Promise<number>;
  /** The same with the peak resident memory in MB. Throws as well when the worker does not know that. */
  readonly sampleWithMemory: () => Promise<{ readonly milliseconds: number; readonly megabytes: number }>;
}

export interface WorkerOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export async function startWorker(command: readonly string[], options: WorkerOptions = {}): Promise<Worker> {
  const child = spawn(command[0]!, command.slice(1), { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => resolve(`it ended with ${signal ?? `status ${status}`}`));
  });
  void ended.then(() => running.delete(child));
  // Writing to a worker that has died is seen by the answer that does not come.
  child.stdin.on('error', () => {});
  const complaints = keepTail(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const readLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (!done) return value;
    throw new Error(`${command.join(' ')}: ${await ended}\n${complaints()}`.trim());
  };
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };

  const measure = async () => {
    child.stdin.write('\n');
    const answer = await readLine();
    const [, nanoseconds, status, kibibytes] = /^(\d+) (\d+)(?: (\d+))?$/.exec(answer) ?? [];
    if (status !== '0') throw new Error(`${command.join(' ')}: answered ${answer}\n${complaints()}`.trim());
    return { milliseconds: Number(nanoseconds) / 1e6, kibibytes };
  };

  const greeting = await readLine();
  if (!greeting.startsWith('ready')) throw new Error(`${command[0]} said ${JSON.stringify(greeting)}`);
  return {
    greeting: greeting.slice('ready'.length).trim(),
    sample: async () => (await measure()).milliseconds,
    async sampleWithMemory() {
      const { milliseconds, kibibytes } = await measure();
      if (kibibytes === undefined) throw new Error(`${command[0]} does not tell how much memory it took`);
      return { milliseconds, megabytes: (Number(kibibytes) * 1024) / 1e6 };
    },
    [Symbol.asyncDispose]: stop,
  };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const running = new Set<Child>();

/** Kills the workers that still run and waits until they are gone. */
export async function killWorkers(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
}

/** Drains a stream and answers with the end of what came. */
function keepTail(stream: Readable): () => string {
  let tail = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-4000);
  });
  return () => tail.trim();
}
