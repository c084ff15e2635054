import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeIdentity } from '../../ts/build/builder-ids.js';
import { LocalExecutor } from '../../ts/build/local-executor.js';
import type { BuildRequest } from '../../ts/build/records.js';
import { currentLauncher } from '../../ts/sandbox/launcher.js';
import { plainOptions } from '../support/fake-builds.js';
import { testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('local-executor');

test('a range of ids is given back also where the launcher takes no directory', async (t) => {
  // Root's policy with a single range, which takes nothing but a lock.
  const ids = {
    ...plainOptions.ids,
    supply: { hostRoot: true, uids: [], gids: [] },
    lockDirectories: [join(directory, 'locks')],
  };
  const executor = new LocalExecutor({ ...plainOptions, ids }, testDirectories(join(directory, 'root')));
  const reason = new Error('no launcher');
  t.mock.method(currentLauncher(), 'guard', () => {
    throw reason;
  });
  const request = { name: 'unguarded', features: [] } as Partial<BuildRequest> as BuildRequest;
  const { signal } = new AbortController();
  const hooks = { signal, onLog: () => undefined, onWarning() {} };
  await assert.rejects(executor.run({ request, scratch: join(directory, 'scratch') }, hooks), reason);

  const waiting = new AbortController();
  const again = takeIdentity(
    ids,
    { range: false },
    { signal: waiting.signal, onWait: () => waiting.abort() },
  );
  (await again)[Symbol.dispose]();
});
