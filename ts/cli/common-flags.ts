import { progressStyles } from '../report/reporter.js';
import type { FlagDefinition } from './command.js';

/** Every command has these. */
export const commonFlags: readonly FlagDefinition[] = [
  { long: 'help', short: 'h', summary: 'explain this command' },
  { long: 'version', summary: 'print the version' },
  { long: 'show-trace', summary: 'print where in airplant an error came from' },
];

export const jsonFlag: FlagDefinition = { long: 'json', summary: 'print the result as JSON' };

/** How a build is watched. */
export const progressFlags: readonly FlagDefinition[] = [
  {
    long: 'progress',
    values: ['STYLE'],
    choices: progressStyles,
    summary: `how to report on builds: ${progressStyles.join(', ')}`,
  },
  { long: 'print-build-logs', short: 'L', summary: 'show what builders write while they write it' },
];
