import type { Row } from '../harness/row.js';
import { buildNoop } from './build-noop.js';
import { check } from './check.js';
import { closure } from './closure.js';
import { expandElf } from './expand-elf.js';
import { graphNix } from './graph-nix.js';
import { graphValid } from './graph-valid.js';
import { hashLarge } from './hash-large.js';
import { hashPart } from './hash-part.js';
import { hashSmall } from './hash-small.js';
import { launchBwrap } from './launch-bwrap.js';
import { launchFloor } from './launch-floor.js';
import { launchHardening } from './launch-hardening.js';
import { launchMemory } from './launch-memory.js';
import { launchMounts } from './launch-mounts.js';
import { optimiseStore } from './optimise-store.js';
import { rewriteLarge } from './rewrite-large.js';
import { verifyStore } from './verify-store.js';

/** Every row, in the order they are measured and shown. */
export const allRows: readonly Row[] = [
  launchFloor,
  launchBwrap,
  launchHardening,
  launchMemory,
  launchMounts,
  expandElf,
  graphNix,
  hashLarge,
  hashSmall,
  rewriteLarge,
  buildNoop,
  graphValid,
  check,
  verifyStore,
  optimiseStore,
  hashPart,
  closure,
];
