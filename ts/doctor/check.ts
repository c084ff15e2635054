/** One thing `airplant doctor` looked at. */
export interface Check {
  /** What was tried, in a few words. */
  readonly name: string;
  readonly ok: boolean;
  /** Sealed builds are impossible without it; otherwise something is merely missing, see `cost`. */
  readonly required: boolean;
  /** The step of setting up a sandbox that failed, and the errno it failed with. */
  readonly step?: string;
  readonly errno?: string;
  readonly cause?: string;
  /** Exact command or setting. */
  readonly cure?: string;
  /** What the user has to do without as things are. */
  readonly cost?: string;
}
