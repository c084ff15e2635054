import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import { Connection } from '../../ts/store/connection.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('connection');
let counter = 0;

async function open(): Promise<Connection> {
  const file = join(directory, `${counter++}.sqlite`);
  const how = { readOnly: false, create: true, journal: 'wal', synchronous: 'normal' } as const;
  return await Connection.open({ file, ...how });
}

test('work that fails is undone', async () => {
  const connection = await open();
  connection.exec('create table t (x)');
  const work = () => {
    connection.exec('insert into t values (1)');
    throw new Error('the first');
  };
  await assert.rejects(connection.write(work), { message: 'the first' });
  assert.throws(() => connection.read(work), { message: 'the first' });
  assert.deepEqual(connection.prepare('select count(*) from t').get(), [0]);
  connection.close();
});

for (const [what, reason] of [
  ['one of ours', new AirplantError('ERR_PATH_INVALID', 'the first', { hint: 'x', details: { path: 'p' } })],
  ['any other', new Error('the first')],
] as const) {
  test(`an error that cannot be followed by a rollback stays the error: ${what}`, async () => {
    const connection = await open();
    const failing = connection.write(() => {
      // Then nothing can be rolled back.
      connection.close();
      throw reason;
    });
    await assert.rejects(failing, (error: Error) => {
      assert.equal(error.message, 'the first');
      if (!(reason instanceof AirplantError)) return error === reason;
      const { code, hint, details } = error as AirplantError;
      assert.deepEqual([code, hint, details['path']], ['ERR_PATH_INVALID', 'x', 'p']);
      assert.match(String(details['rollback']), /not open/);
      return true;
    });
  });
}
