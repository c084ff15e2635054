/**
 * What was made different between two builds on purpose, one thing at a time. A plain repeat is `none`; the clock, and
 * what is random, differ always.
 */
export const variations = [
  'none',
  /** The second build began at least two seconds later. */
  'later-start',
  /** The second build saw another day. */
  'later-day',
  /** Directories list their entries in another order. */
  'directory-order',
  /** With and without ADDR_NO_RANDOMIZE. */
  'addresses',
  /** CPU affinity and NIX_BUILD_CORES. */
  'cores',
  /** With and without UNAME26, or whatever else uname(2) says. */
  'kernel-name',
  'first-pid',
  'umask',
  /** Locale and terminal variables. */
  'locale',
  /** The numbers of inherited descriptors. */
  'descriptors',
] as const;

export type Variation = (typeof variations)[number];

/** How the builds of a comparison were made to differ: in one thing, or `together` in several. */
export type Compared = Variation | 'together';

/**
 * The values that the conditions of one build had: when and where it ran, and what its builder could read of processes,
 * processors, kernel, umask, locale and addresses. A number in a file is a process id, and a time that of the build, because
 * the build had it; nothing else could tell it from any other number. These are no hints at the answer: they are the same for
 * everything that is built under these conditions, but for the paths of the outputs. Nothing says what was built, by which
 * builder, from what, or what it logged.
 */
export interface BuildFacts {
  /** Unix seconds, by the clock the builder saw, before it was started and after it had ended. */
  readonly startedAt: number;
  readonly stoppedAt: number;
  /** As the builder saw it. */
  readonly buildDirectory: string;
  /** Where the builder wrote its outputs, as it saw them; in the same order for both builds. */
  readonly storePaths: readonly string[];
  /** Process ids the build is known to have had, the builder's first; empty where they are not known. */
  readonly pids: readonly number[];
  /** Processors the build could run on. */
  readonly cores: number;
  /** NIX_BUILD_CORES. */
  readonly buildCores: number;
  /** Fields of uname(2) by their names. */
  readonly uname: Readonly<Record<string, string>>;
  readonly umask: number;
  /** LANG, LC_*, LANGUAGE, TERM and the like, as far as they were set. */
  readonly locale: Readonly<Record<string, string>>;
  /** False under ADDR_NO_RANDOMIZE. */
  readonly randomAddresses: boolean;
}
