import type { Row } from '../harness/row.js';
import { buildNoop } from './build-noop.js';
import { graphNix } from './graph-nix.js';
import { hashLarge } from './hash-large.js';
import { hashSmall } from './hash-small.js';
import { launchBwrap } from './launch-bwrap.js';
import { launchFloor } from './launch-floor.js';
import { launchMemory } from './launch-memory.js';

/** Every row, in the order they are measured and shown. */
export const allRows: readonly Row[] = [
  launchFloor,
  launchBwrap,
  launchMemory,
  graphNix,
  hashLarge,
  hashSmall,
  buildNoop,
];
