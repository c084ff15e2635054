import type { Row } from '../harness/row.js';
import { buildNoop } from './build-noop.js';
import { check } from './check.js';
import { expandElf } from './expand-elf.js';
import { gcDead } from './gc-dead.js';
import { gcRoots } from './gc-roots.js';
import { graphNix } from './graph-nix.js';
import { graphValid } from './graph-valid.js';
import { hashLarge } from './hash-large.js';
import { hashSmall } from './hash-small.js';
import { launchBwrap } from './launch-bwrap.js';
import { launchFloor } from './launch-floor.js';
import { launchMemory } from './launch-memory.js';
import { launchMounts } from './launch-mounts.js';
import { rewriteLarge } from './rewrite-large.js';

/** Every row, in the order they are measured and shown. */
export const allRows: readonly Row[] = [
  launchFloor,
  launchBwrap,
  launchMemory,
  launchMounts,
  expandElf,
  graphNix,
  hashLarge,
  hashSmall,
  rewriteLarge,
  buildNoop,
  graphValid,
  gcDead,
  gcRoots,
  check,
];
