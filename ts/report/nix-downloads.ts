import type { BuilderMessage } from '../base/builder-message.js';
import type { ActivityId, NixActivities } from './nix-activities.js';

/** A builder that starts more downloads at once than this without ending any is not believed. */
const most = 256;

/** What one builder says it downloads. Its ids are its own: each gets one of ours, so that no builder speaks for another. */
export class NixDownloads {
  readonly #activities: NixActivities;
  readonly #parent: ActivityId;
  readonly #ids = new Map<number, ActivityId>();

  constructor(activities: NixActivities, parent: ActivityId) {
    this.#activities = activities;
    this.#parent = parent;
  }

  handle(message: BuilderMessage): void {
    if (message.action === 'start') {
      if (this.#ids.has(message.id) || this.#ids.size === most) return;
      const { level, text, fields } = message;
      const id = this.#activities.start('fileTransfer', { level, text, fields, parent: this.#parent });
      this.#ids.set(message.id, id);
    } else if (message.action === 'progress') {
      const id = this.#ids.get(message.id);
      const { done, expected, running, failed } = message;
      if (id !== undefined) this.#activities.result(id, 'progress', done, expected, running, failed);
    } else if (message.action === 'stop') {
      const id = this.#ids.get(message.id);
      if (id !== undefined) this.#activities.stop(id);
      this.#ids.delete(message.id);
    }
  }

  /** The builder has ended, and with it whatever it had not ended. */
  close(): void {
    for (const id of this.#ids.values()) this.#activities.stop(id);
    this.#ids.clear();
  }
}
