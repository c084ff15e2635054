import { derivation, source } from 'airplant';

// The host's C toolchain, read-only. Nothing else of the host is visible while hello.c is compiled.
export const settings = {
  'extra-sandbox-paths': ['/usr', '/lib?', '/lib64?'],
};

export default derivation({
  name: 'hello',
  builder: '/bin/sh',
  args: ['-euc', 'mkdir -p "$out/bin"; gcc -O2 -o "$out/bin/hello" "$src"'],
  PATH: '/usr/bin',
  src: source(new URL('hello.c', import.meta.url)),
});
