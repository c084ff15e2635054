import type { Writable } from 'node:stream';

/** Where results go. `write` resolves when the data has been handed over, so that nothing piles up in memory. */
export interface Output {
  readonly isTTY: boolean;
  /** The descriptor behind it, for native code that writes by itself. */
  readonly fd: number;
  write(data: string | Uint8Array): Promise<void>;
}

/** An Output that writes to a stream; rejects with the stream's error, EPIPE included. */
export function streamOutput(stream: Writable & { readonly isTTY?: boolean; readonly fd: number }): Output {
  return {
    isTTY: stream.isTTY === true,
    fd: stream.fd,
    write: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

/** Prints a value as indented JSON, one document. */
export function writeJson(output: Output, value: unknown): Promise<void> {
  return output.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
