import { TempRoots } from '../../ts/store/temp-roots.js';

// node root-on-full-disk.js STATE-DIRECTORY BYTES
// Makes a temporary root; tries to make more than fit into BYTES, of which a part is written; makes one more. Says the code
// of the error, and waits for the end of stdin.
const [stateDir, bytes] = process.argv.slice(2) as [string, string];
const roots = new TempRoots(stateDir);
const path = (name: string) => `/nix/store/${'0'.repeat(32)}-${name}`;
await roots.add([path('before')]);
const many = Array.from({ length: Number(bytes) / 32 }, (_, n) => path(`many-${n}`));
const code = await roots.add(many).then(
  () => 'all written',
  (error) => error.code,
);
await roots.add([path('after')]);
process.stdout.write(`${code}\n`);
process.stdin.on('end', () => roots.close()).resume();
