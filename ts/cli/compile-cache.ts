import module from 'node:module';
import { cacheDirectory } from '../config/cache-directory.js';

/**
 * Has Node (22.1 and later) keep the machine code of modules between runs. Not in Node's own place for it, which is
 * below the system's temporary directory: whoever makes that directory first could have us run code of theirs.
 */
export function keepCompiledCode(): void {
  (module as unknown as CompileCache).enableCompileCache(cacheDirectory('compiled'));
}

/** Not in the types of Node 20. It reports failures in its result, and then everything works without. */
interface CompileCache {
  enableCompileCache(directory: string): unknown;
}
