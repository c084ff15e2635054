import type { SandboxLimits } from './spec.js';

/**
 * Resource limits of every build. Nix hands on the limits of whatever started it; here they are constants as far as
 * the inherited hard limits allow (they can be lowered but never raised), so that a build does not depend on the
 * shell it was started from. Hard limits stay as inherited: `infinity` asks for no lowering.
 */
export const sealedLimits: SandboxLimits = {
  rlimits: [
    // No core dumps unless a builder asks for them, as in Nix.
    { resource: 'core', soft: 0, hard: 'infinity' },
    // The kernel's default. It is also the size of thread stacks, and shows in memory use and address space.
    { resource: 'stack', soft: 8 * 1024 * 1024, hard: 'infinity' },
    // Enough for linkers and Java, and not so many that programs closing all possible descriptors take ages.
    { resource: 'nofile', soft: 65536, hard: 'infinity' },
    { resource: 'memlock', soft: 8 * 1024 * 1024, hard: 'infinity' },
    { resource: 'cpu', soft: 'infinity', hard: 'infinity' },
    { resource: 'data', soft: 'infinity', hard: 'infinity' },
    { resource: 'fsize', soft: 'infinity', hard: 'infinity' },
    { resource: 'as', soft: 'infinity', hard: 'infinity' },
    // `nproc` counts all processes of the user, so no constant would mean the same anywhere: left alone.
  ],
};
