import { derivation, source } from 'airplant';

// The host's C toolchain, read-only: programs bring their libraries along. Nothing else of the host is visible while
// hello.c is compiled. gcc keeps the compiler proper below /usr/lib, newer ones below /usr/libexec.
export const settings = {
  'extra-sandbox-paths': [
    ...['/usr/bin/gcc', '/usr/bin/as', '/usr/bin/ld', '/usr/bin/mkdir'],
    ...['/usr/include', '/usr/lib', '/usr/lib64?', '/usr/libexec?'],
  ],
};

export default derivation({
  name: 'hello',
  builder: '/bin/sh',
  args: ['-euc', 'mkdir -p "$out/bin"; gcc -O2 -o "$out/bin/hello" "$src"'],
  PATH: '/usr/bin',
  src: source(new URL('hello.c', import.meta.url)),
});
