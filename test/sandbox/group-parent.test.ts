import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeControlGroup } from '../../ts/sandbox/control-group.js';
import { isOurName, makeHeldGroup, removeAbandonedGroups } from '../../ts/sandbox/control-group-files.js';
import { checkGroupParent, findGroupParent, prepareGroupParent } from '../../ts/sandbox/group-parent.js';
import { limitsCheck } from '../../ts/sandbox/limits-check.js';
import { FakeGroups } from '../support/fake-groups.js';

const wanted = ['memory', 'pids', 'cpu'];
const [us, launcher, shell] = [100, 101, 50];

/** `/user.slice/session`, with processes in it; all controllers reach it. */
function scene(...members: number[]) {
  const groups = new FakeGroups(wanted, [us, launcher]);
  for (const controller of wanted)
    groups.files.write(join(groups.root, 'cgroup.subtree_control'), `+${controller}`);
  const slice = groups.add(join(groups.root, 'user.slice'));
  for (const controller of wanted)
    groups.files.write(join(slice, 'cgroup.subtree_control'), `+${controller}`);
  groups.foreign.add(groups.root);
  groups.foreign.add(slice);
  const session = groups.add(join(slice, 'session'), ...members);
  return { groups, files: groups.files, slice, own: { mount: groups.root, directory: session } };
}

function words(directory: string, file: string): string[] {
  return readFileSync(join(directory, file), 'utf8').split(/\s+/).filter(Boolean);
}

function limited(directory: string, files: FakeGroups['files']): readonly string[] {
  return makeControlGroup(directory, { memoryBytes: 1, pids: 1, cpuPercent: 1 }, files)!.applied;
}

describe('the parent of control groups', () => {
  test('is our own group where nobody else is in it, and we leave that', () => {
    const { groups, files, own } = scene(us, launcher);
    const found = findGroupParent(own, wanted, files)!;
    assert.deepEqual(found, { directory: own.directory, controllers: wanted, leave: true });
    assert.deepEqual(groups.members(own.directory), [us, launcher], 'looking changes nothing');
    prepareGroupParent(found, files);
    const [leaf] = readdirSync(own.directory).filter(isOurName);
    assert.deepEqual(groups.members(own.directory), []);
    assert.deepEqual(groups.members(join(own.directory, leaf!)), [us, launcher]);
    assert.deepEqual(limited(own.directory, files), wanted);
    // Once more, and by an airplant that this one starts: it is in order already.
    for (const directory of [own.directory, join(own.directory, leaf!)]) {
      const again = findGroupParent({ ...own, directory }, wanted, files);
      assert.deepEqual(again, { directory: own.directory, controllers: wanted, leave: false });
    }
  });

  test('is not ours where somebody else is in it, though it is still good for statistics', () => {
    const { groups, files, own } = scene(shell, us);
    const found = findGroupParent(own, wanted, files)!;
    assert.deepEqual(found, { directory: own.directory, controllers: [], leave: false });
    prepareGroupParent(found, files);
    assert.deepEqual(groups.members(own.directory), [shell, us]);
    assert.deepEqual(limited(own.directory, files), []);
  });

  test('is the one around it then, where that is ours to use', () => {
    const { groups, files, own, slice } = scene(shell, us);
    groups.foreign.delete(slice);
    const found = findGroupParent(own, wanted, files)!;
    assert.deepEqual(found, { directory: slice, controllers: wanted, leave: false });
    prepareGroupParent(found, files);
    assert.deepEqual(groups.members(own.directory), [shell, us]);
    assert.deepEqual(limited(slice, files), wanted);
    // Nothing is wanted of it: there is no reason to leave our own.
    assert.equal(findGroupParent(own, [], files)!.directory, own.directory);
  });

  test('is the root where we are in that, processes or not', () => {
    const groups = new FakeGroups(wanted, [us]);
    groups.files.write(join(groups.root, 'cgroup.procs'), String(shell));
    const found = findGroupParent({ mount: groups.root, directory: groups.root }, wanted, groups.files)!;
    assert.deepEqual(found, { directory: groups.root, controllers: wanted, leave: false });
    prepareGroupParent(found, groups.files);
    assert.deepEqual(limited(groups.root, groups.files), wanted);
  });

  test('is nowhere without the right to write', () => {
    const { groups, files, own } = scene(us);
    groups.foreign.add(own.directory);
    assert.equal(findGroupParent(own, wanted, files), undefined);
  });

  test('has of the controllers what there is', () => {
    const { files, own } = scene(us);
    files.write = ((write) => (path, text) => {
      if (text === '+memory') throw new Error('EOPNOTSUPP');
      write(path, text);
    })(files.write);
    const found = findGroupParent(own, wanted, files)!;
    prepareGroupParent(found, files);
    assert.deepEqual(limited(own.directory, files), ['pids', 'cpu']);
  });

  test('is as before if somebody comes in while we leave, or nothing can be handed on', () => {
    for (const spoil of [
      (groups: FakeGroups, group: string) => groups.files.write(join(group, 'cgroup.procs'), String(shell)),
      (groups: FakeGroups) => {
        const { write } = groups.files;
        groups.files.write = (path, text) => {
          if (text.startsWith('+')) throw new Error('EBUSY');
          write(path, text);
        };
      },
    ]) {
      const { groups, files, own } = scene(us, launcher);
      const found = findGroupParent(own, wanted, files)!;
      spoil(groups, own.directory);
      prepareGroupParent(found, files);
      assert.ok([us, launcher].every((pid) => groups.members(own.directory).includes(pid)));
      assert.deepEqual(readdirSync(own.directory).filter(isOurName), []);
      assert.deepEqual(words(own.directory, 'cgroup.subtree_control'), []);
    }
  });
});

describe('a parent that was named', () => {
  test('is used as one that was found', () => {
    const { groups, files, own, slice } = scene(shell, us);
    groups.foreign.delete(slice);
    const named = groups.add(join(slice, 'builds'));
    const found = checkGroupParent(named, own, wanted, files);
    assert.deepEqual(found, { directory: named, controllers: wanted, leave: false });
    const alone = scene(us);
    const leave = checkGroupParent(alone.own.directory, alone.own, wanted, alone.files);
    assert.deepEqual(leave, { directory: alone.own.directory, controllers: wanted, leave: true });
  });

  test('must be a group that we may enter and write to', () => {
    const { groups, files, own, slice } = scene(shell, us);
    const named = groups.add(join(slice, 'builds'));
    assert.match(String(checkGroupParent(named, own, wanted, files)), /cannot be entered from .*belongs to/);
    groups.foreign.delete(slice);
    groups.foreign.add(named);
    assert.equal(checkGroupParent(named, own, wanted, files), 'is not writable');
    for (const wrong of ['/', '/tmp', `${groups.root}x`, join(groups.root, 'missing')]) {
      assert.match(String(checkGroupParent(wrong, own, wanted, files)), /is no control group/);
    }
  });
});

test('groups of airplants that are gone are removed, those of others are not', () => {
  const { groups, files, own } = scene(us);
  const gone = makeHeldGroup(own.directory, files)!;
  gone.release();
  const held = makeHeldGroup(own.directory, files)!;
  const populated = makeHeldGroup(own.directory, files)!;
  groups.files.write(join(populated.directory, 'cgroup.procs'), String(shell));
  populated.release();
  for (const name of ['somebody.scope', 'airplant-builds', 'airplant-0123456789ABCDEF'])
    groups.add(join(own.directory, name));
  removeAbandonedGroups(own.directory, files);
  const left = [held.directory, populated.directory].map((path) => path.slice(own.directory.length + 1));
  assert.deepEqual(
    readdirSync(own.directory)
      .filter((name) => !name.startsWith('cgroup') && !/^(memory|pids|cpu)\./.test(name))
      .sort(),
    [...left, 'somebody.scope', 'airplant-builds', 'airplant-0123456789ABCDEF'].sort(),
  );
  removeAbandonedGroups(join(own.directory, 'missing'), files);
  held.release();
});

test('the doctor says what stands in the way of limits', () => {
  const alone = scene(us);
  assert.equal(limitsCheck({ cgroup: alone.own }, alone.files).ok, true);
  const together = scene(shell, us);
  const check = limitsCheck({ cgroup: together.own }, together.files);
  assert.deepEqual([check.ok, check.required], [false, false]);
  assert.match(check.cause!, /hands on memory, pids, cpu: '.*session' was not given them, or holds other/);
  assert.match(check.cure!, /systemd-run --user --scope -p Delegate=yes/);
  together.groups.foreign.add(together.own.directory);
  assert.match(
    limitsCheck({ cgroup: together.own }, together.files).cause!,
    /neither in '.*session' nor beside/,
  );
  assert.match(limitsCheck({}, together.files).cause!, /No cgroup2 file system/);
});
