import type { EventSink } from '../base/events.js';
import type { LocalStore } from '../store/local-store.js';

/**
 * Has garbage collected beside builds when the disk fills up (settings `min-free` and `max-free`): at once, and as often as
 * `min-free-check-interval` says. Nobody waits for it. To be stopped by calling what is returned; what runs then runs on.
 */
export function watchDisk(store: LocalStore, emit: EventSink): () => void {
  const { minFree, minFreeCheckInterval } = store.collecting;
  if (minFree === 0) return () => {};
  const check = () => {
    const onEvent = (event: Parameters<EventSink>[0]) => void emit(event);
    // It only fails of a store that was closed.
    store.makeRoom({ onEvent }).catch(() => {});
  };
  check();
  const timer = setInterval(check, Math.max(1, minFreeCheckInterval) * 1000);
  timer.unref();
  return () => clearInterval(timer);
}
