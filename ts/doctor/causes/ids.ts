import { quote } from '../../base/quote.js';
import { type Cause, isRefusal } from '../cause.js';

/** Giving a builder ids of its own. */
export const idCauses: readonly Cause[] = [
  {
    applies: ({ step, path }) => step === 'map-ids' && path.startsWith('/'),
    explain: ({ path }) => ({
      cause: `The program that maps ids for ordinary users failed: ${quote(path)}.`,
      cure: 'See that newuidmap and newgidmap are owned by root with mode 4755, or have the file capabilities cap_setuid and cap_setgid, and that /etc/subuid and /etc/subgid are as they were; or take them out of `PATH`.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'map-ids' && isRefusal(errno),
    explain: () => ({
      cause: 'This root may not map ids that are not its own.',
      cure: 'Run airplant as an ordinary user, or give the container CAP_SETUID, CAP_SETGID and CAP_SETFCAP.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'give-files' && errno !== 'ENOENT',
    explain: () => ({
      cause: 'The file system of the store, or of the log, does not let files change their owner.',
      cure: 'Put the store on a local file system with `--store`, such as ext4, xfs or btrfs.',
    }),
  },
];
