// Builds in a network scene: reads SceneBuild[] as JSON from standard input, writes SceneResult[].
import { text } from 'node:stream/consumers';
import { openStore } from '../../../ts/index.js';
import { fixedScript } from '../../support/fixed-script.js';
import type { SceneBuild, SceneResult } from '../../support/network-scene.js';

const builds = JSON.parse(await text(process.stdin)) as SceneBuild[];
const results: SceneResult[] = [];
for (const { script, settings, directory } of builds) {
  const store = await openStore({ store: directory, settings });
  const run = store.build([fixedScript(script)]);
  let log = '';
  const warnings: string[] = [];
  for await (const event of run) {
    if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    if (event.type === 'warning') warnings.push(event.message);
  }
  const { error, isolation } = (await run.result).results[0]!;
  results.push({
    log,
    warnings,
    ...(error ? { error: { code: error.code, message: error.message, hint: error.hint } } : {}),
    ...(isolation ? { isolation } : {}),
  });
  await store.close();
}
process.stdout.write(JSON.stringify(results));
