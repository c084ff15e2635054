// Runs a hook, and hands on what it says.
import { runHook } from '../../../ts/build/hook/run-hook.js';

await runHook({
  hook: { program: process.argv[2]!, timeoutSeconds: 0 },
  args: [],
  input: '',
  signal: new AbortController().signal,
  onError: (chunk) => void process.stdout.write(chunk),
});
