import { type ActivityId, activityTypes, type NixActivities } from './nix-activities.js';

interface Count {
  done: number;
  /** Neither done nor failed. */
  open: number;
  running: number;
  failed: number;
}

/** The three activities that Nix keeps its sums in, told anew after each change, all of them, as Nix does. */
export class NixTotals {
  readonly #activities: NixActivities;
  readonly #builds: Count = { done: 0, open: 0, running: 0, failed: 0 };
  readonly #copies: Count = { done: 0, open: 0, running: 0, failed: 0 };
  #narBytes = 0;
  #ids:
    | { readonly realise: ActivityId; readonly builds: ActivityId; readonly copies: ActivityId }
    | undefined;

  constructor(activities: NixActivities) {
    this.#activities = activities;
  }

  get begun(): boolean {
    return this.#ids !== undefined;
  }

  /** More is to be built and copied; `onBegun` is called once the first of it has been told. */
  expect(builds: number, copies: number, onBegun?: () => void): void {
    const first = !this.begun;
    // Nix makes a goal of whatever it is asked for, and finds out then whether there is anything to do.
    if (first && builds === 0) {
      this.#builds.open = 1;
      this.#tell();
      this.#builds.open = 0;
      onBegun?.();
      this.#tell();
    }
    for (let i = 0; i < builds; i++) {
      this.#builds.open++;
      this.#tell();
      if (first && i === 0) onBegun?.();
    }
    for (let i = 0; i < copies; i++) {
      this.#copies.open++;
      this.#tell();
    }
  }

  startBuild(): void {
    this.#builds.running++;
    this.#tell();
  }

  /** `ran`: it had been started. */
  endBuild(how: 'done' | 'failed' | 'dropped', { ran }: { readonly ran: boolean }): void {
    if (ran) this.#builds.running--;
    if (this.#builds.open > 0) this.#builds.open--;
    if (how !== 'dropped') this.#builds[how]++;
    this.#tell();
  }

  startCopy(narSize: number): void {
    this.#narBytes += narSize;
    this.#copies.running++;
    this.#tell();
  }

  endCopy(came: boolean): void {
    this.#copies.running--;
    if (this.#copies.open > 0) this.#copies.open--;
    this.#copies[came ? 'done' : 'failed']++;
    this.#tell();
  }

  close(): void {
    if (!this.#ids) return;
    const { realise, builds, copies } = this.#ids;
    for (const id of [copies, builds, realise]) this.#activities.stop(id);
    this.#ids = undefined;
  }

  #tell(): void {
    this.#ids ??= {
      realise: this.#activities.start('realise'),
      builds: this.#activities.start('builds'),
      copies: this.#activities.start('copyPaths'),
    };
    const { realise, builds, copies } = this.#ids;
    this.#activities.result(builds, 'progress', ...sums(this.#builds));
    this.#activities.result(copies, 'progress', ...sums(this.#copies));
    this.#activities.result(realise, 'setExpected', activityTypes.fileTransfer, 0);
    this.#activities.result(realise, 'setExpected', activityTypes.copyPath, this.#narBytes);
  }
}

/** Done, expected, running, failed. */
function sums({ done, open, running, failed }: Count): [number, number, number, number] {
  return [done, done + open, running, failed];
}
