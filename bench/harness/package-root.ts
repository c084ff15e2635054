import { fileURLToPath } from 'node:url';

/** The directory of package.json, seen from dist/bench/harness/. */
export const packageRoot: string = fileURLToPath(new URL('../../..', import.meta.url));
