import { register } from 'node:module';
import { declared } from './recording-tests.js';

// A program: loads the test files whose addresses are its arguments, and prints what each declares (declared-tests.ts).
const recorder = new URL('recording-tests.js', import.meta.url).href;
const hooks = `export const resolve = (name, context, next) =>
  name === 'node:test' ? { url: ${JSON.stringify(recorder)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const lists: unknown[] = [];
for (const url of process.argv.slice(2)) {
  declared.length = 0;
  await import(url);
  lists.push([...declared]);
}
process.stdout.write(`\n${JSON.stringify(lists)}\n`, () => process.exit());
