// Builds in a network scene: reads SceneBuild[] as JSON from standard input, writes SceneResult[].
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { openStore } from '../../../ts/index.js';
import { fixedScript } from '../../support/fixed-script.js';
import { type SceneBuild, type SceneResult, scene } from '../../support/network-scene.js';

const builds = JSON.parse(await text(process.stdin)) as SceneBuild[];
const results: SceneResult[] = [];
for (const { script, settings, directory, knockAt } of builds) {
  const store = await openStore({ store: directory, settings });
  const run = store.build([fixedScript(script)]);
  const knocking = knockAt === undefined ? undefined : knock(knockAt);
  let log = '';
  const warnings: string[] = [];
  for await (const event of run) {
    if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    if (event.type === 'warning') warnings.push(event.message);
  }
  const { error, isolation } = (await run.result).results[0]!;
  results.push({
    log,
    heard: knocking?.heard() ?? '',
    warnings,
    ...(error ? { error: { code: error.code, message: error.message, hint: error.hint } } : {}),
    ...(isolation ? { isolation } : {}),
  });
  await store.close();
}
process.stdout.write(JSON.stringify(results));

/** Connects to a port of this host, again and again until asked what was heard. */
function knock(port: number): { heard(): string } {
  let said = '';
  const timer = setInterval(() => {
    for (const host of ['127.0.0.1', '::1', scene.host]) {
      connect({ host, port })
        .on('error', () => {})
        .on('data', (chunk) => {
          said += chunk;
        });
    }
  }, 50);
  return {
    heard() {
      clearInterval(timer);
      return said;
    },
  };
}
