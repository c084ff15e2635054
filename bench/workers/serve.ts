import { createInterface } from 'node:readline';

/** The node side of the line protocol of harness/worker.ts: does `work` once for every line read, and times it. */
export async function serveSamples(greeting: string, work: () => Promise<void>): Promise<void> {
  console.log(`ready ${greeting}`);
  for await (const _line of createInterface({ input: process.stdin })) {
    const start = process.hrtime.bigint();
    await work();
    console.log(`${process.hrtime.bigint() - start} 0`);
  }
}
