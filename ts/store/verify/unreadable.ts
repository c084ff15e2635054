/**
 * Why something in the store cannot be read, as the name of an errno: one such path is a finding, and the others are looked
 * at all the same. Throws what is not about the path: the reason of an aborted signal, and a shortage of this process.
 */
export function whyUnreadable(error: unknown, signal: AbortSignal | undefined): string {
  signal?.throwIfAborted();
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined || shortages.has(code)) throw error;
  return code;
}

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);
