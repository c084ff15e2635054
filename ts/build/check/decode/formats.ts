import { ar } from './ar.js';
import { elf } from './elf-sections.js';
import { gzip } from './gzip.js';
import type { Format } from './part.js';
import { pyc } from './pyc.js';
import { tar } from './tar.js';
import { zip } from './zip.js';

/** Every format that is decoded; no bytes are well-formed in two of them but by malice, and then the first counts. */
export const formats: readonly Format[] = [elf, ar, gzip, zip, pyc, tar];
