import type { EventSink } from '../base/events.js';
import { describeFinding, type Finding } from '../store/verify/finding.js';
import type { VerifiedStore } from '../store/verify/verify-store.js';
import { type BuildJob, type BuildReport, buildWanted, unasked } from './builder.js';
import type { Wanted } from './records.js';

export interface VerifyOptions {
  /** Valid paths; without it all of them, `.links`, and what else lies in the store. */
  readonly paths?: readonly string[] | undefined;
  /** Read everything and compare hashes. Default false. */
  readonly checkContents?: boolean | undefined;
  /** Copy or build again what is damaged, and remove damaged files of `.links`. Default false. */
  readonly repair?: boolean | undefined;
}

export interface VerifyReport extends VerifiedStore {
  /** Damaged paths that have been replaced, in the order of their names. */
  readonly repaired: readonly string[];
  /** 0, or 1 if something is still damaged, as of `nix-store --verify`. */
  readonly exitStatus: number;
}

/** Verifies a store, and then makes whole what it can. Throws as `verifyStore`. */
export async function verifyAndRepair(
  job: Omit<BuildJob, 'wanted' | 'repair'>,
  { paths, checkContents = false, repair = false }: VerifyOptions,
  emit: EventSink,
): Promise<VerifyReport> {
  const { store, signal } = job;
  const verified = await store.verifyStore({
    paths,
    checkContents,
    removeBadLinks: repair,
    signal,
    onPhase: (message) => void emit({ type: 'store.message', level: 'info', message }),
    onFinding: (finding) => void emit(messageOf(finding)),
    onProgress: (progress) => void emit({ type: 'store.progress', activity: 'verify', ...progress }),
  });
  const damaged = verified.findings.flatMap((one) =>
    one.state === 'error' && 'path' in one ? [one.path] : [],
  );
  const report = repair && damaged.length > 0 ? await repairPaths(damaged, job, emit) : undefined;
  const whole = new Set(report?.results.flatMap(({ wanted, error }) => (error ? [] : pathOf(wanted))));
  const findings = verified.findings.map(
    (one): Finding =>
      one.state === 'error' && 'path' in one && whole.has(one.path) ? { ...one, state: 'settled' } : one,
  );
  const isSound = findings.every(({ state }) => state !== 'error');
  if (!isSound) emit({ type: 'warning', message: 'not all store errors were fixed' });
  return { ...verified, findings, repaired: report?.repaired ?? [], exitStatus: isSound ? 0 : 1 };
}

function messageOf(finding: Finding) {
  const level = finding.state === 'error' || finding.kind === 'link' ? 'error' : 'info';
  return { type: 'store.message', level, message: describeFinding(finding) } as const;
}

/** Repairing reads damaged paths again, since others may have repaired them meanwhile; it is not told twice. */
async function repairPaths(
  paths: readonly string[],
  job: Omit<BuildJob, 'wanted' | 'repair'>,
  emit: EventSink,
): Promise<BuildReport> {
  const known = new Set(paths);
  const wanted = paths.map((path): Wanted => ({ kind: 'path', path }));
  const tell: EventSink = (event) =>
    event.type.startsWith('path.') && 'path' in event && known.has(event.path) ? undefined : emit(event);
  return await buildWanted({ ...job, wanted: async () => wanted, repair: true }, unasked(tell));
}

function pathOf(wanted: Wanted): string[] {
  return wanted.kind === 'path' ? [wanted.path] : [];
}
