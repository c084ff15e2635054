import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { BuildLogs } from '../../ts/store/build-logs.js';
import { LogWriter } from '../../ts/store/log-writer.js';
import { requires } from '../support/requires.js';
import { somePath, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directories = testDirectories(temporaryDirectory('build-logs'));
const logs = new BuildLogs(directories);
const drvPath = somePath('a', 'x.drv');
const file = join(directories.logDir, 'drvs/aa', `${'a'.repeat(30)}-x.drv`);
const read = async () => {
  const log = await logs.read(drvPath);
  return log && (await buffer(log)).toString();
};

test('a log can be read while it is written', async () => {
  assert.equal(await read(), undefined);
  const writer = await logs.create(drvPath);
  await writer.write(Buffer.from('one\n'));
  await writer.write(Buffer.from('two\n'));
  while ((await read()) !== 'one\ntwo\n');
  await writer.close();
  assert.equal(writer.path, file);
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
});

test('an empty log is a log', async () => {
  await (await logs.create(drvPath)).close();
  assert.equal(await read(), '');
});

test(
  'a long log is compressed when it is complete, and a new one takes its place',
  requires('program:bzip2'),
  async () => {
    const writer = await logs.create(drvPath);
    const line = `${'0123456789'.repeat(100)}\n`;
    let waited = 0;
    for (let i = 0; i < 3000; i++) {
      const wait = writer.write(Buffer.from(line));
      if (wait) waited++;
      await wait;
    }
    await writer.close();
    assert.ok(waited > 0, 'no back-pressure in 3 MB');
    const base = `${'a'.repeat(30)}-x.drv`;
    assert.deepEqual(readdirSync(dirname(file)).sort(), [`${base}.bz2`, `${base}.times`]);
    assert.equal(
      execFileSync('bzip2', ['-dc', `${file}.bz2`], { maxBuffer: 1 << 24 }).toString(),
      line.repeat(3000),
    );
    assert.equal(await read(), line.repeat(3000));
    const next = await logs.create(drvPath);
    await next.close();
    assert.equal(await read(), '');
  },
);

test('the times of a log are known while it is written, and go with it', async () => {
  const before = Date.now();
  const writer = await logs.create(drvPath);
  await writer.write(Buffer.from('one\n'));
  while ((await logs.readTimes(drvPath))?.marks.length !== 1);
  await writer.close();
  const times = (await logs.readTimes(drvPath))!;
  assert.ok(times.startedAt >= before && times.marks[0]!.time <= Date.now());
  assert.deepEqual(times.end?.length, 4);
  // A log by somebody else.
  writeFileSync(file, 'two\n');
  assert.equal(await logs.readTimes(drvPath), undefined);
  const next = await logs.create(drvPath);
  assert.deepEqual((await logs.readTimes(drvPath))?.marks ?? [], []);
  await next.close();
  assert.equal(await logs.readTimes(somePath('d', 'none.drv')), undefined);
});

test('a log is written though its times cannot be', async () => {
  rmSync(`${file}.times`, { force: true });
  mkdirSync(`${file}.times`);
  const writer = await LogWriter.open(file, { compress: false, times: `${file}.times` });
  await writer.write(Buffer.from('text\n'));
  await writer.close();
  assert.equal(readFileSync(file, 'utf8'), 'text\n');
  assert.equal(await logs.readTimes(drvPath), undefined);
  rmdirSync(`${file}.times`);
});

test('logs of old versions lie flat; a damaged one is an error that names it', async () => {
  const old = somePath('b', 'old.drv');
  writeFileSync(join(directories.logDir, 'drvs', old.slice(11)), 'flat');
  assert.equal((await buffer((await logs.read(old))!)).toString(), 'flat');
  const damaged = somePath('c', 'damaged.drv');
  mkdirSync(join(directories.logDir, 'drvs/cc'));
  writeFileSync(join(directories.logDir, 'drvs/cc', `${damaged.slice(13)}.bz2`), 'no bzip2');
  await assert.rejects(async () => buffer((await logs.read(damaged))!), {
    code: 'ERR_FILE',
    message: /damaged/,
  });
});

test('whoever writes without waiting gets a log all the same, and node nothing to warn of', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  const writer = await logs.create(drvPath, { compress: false });
  const waits = Array.from({ length: 50 }, () => writer.write(Buffer.alloc(100_000, 'x')));
  await Promise.all(waits);
  await writer.close();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  assert.ok(waits.some((wait) => wait !== undefined));
  assert.deepEqual(warnings, []);
  assert.equal((await read())?.length, 5_000_000);
});

test('a disk that is full is told to whoever writes, and closing ends', requires('linux'), async () => {
  assert.ok(existsSync('/dev/full'));
  const writer = await LogWriter.open('/dev/full', { compress: false });
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i++) await writer.write(Buffer.alloc(100_000));
    },
    { code: 'ERR_DISK_FULL' },
  );
  await assert.rejects(writer.close(), { code: 'ERR_DISK_FULL' });
});
