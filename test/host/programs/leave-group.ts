// Finds and prepares a parent for groups of builds that are handed the controllers named as arguments; prints what it found,
// and the group it is in itself afterwards.
import { readFileSync } from 'node:fs';
import { probeHost } from '../../../ts/doctor/probe.js';
import { removeAbandonedGroups } from '../../../ts/sandbox/control-group-files.js';
import { findGroupParent, prepareGroupParent } from '../../../ts/sandbox/group-parent.js';

const { cgroup } = await probeHost();
const parent = findGroupParent(cgroup!, process.argv.slice(2))!;
removeAbandonedGroups(parent.directory);
prepareGroupParent(parent);
const group = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))![1]!;
process.stdout.write(JSON.stringify({ parent, group: cgroup!.mount + group }));
