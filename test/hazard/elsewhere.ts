/** A row of the catalogue that no attempt of the probe can show, and the tests that show it. */
export interface Elsewhere {
  readonly title: string;
  /** The file below test/, and the whole title of the test in it. */
  readonly tests: readonly (readonly [file: string, title: string])[];
  /** Why it is no attempt of the probe. */
  readonly why: string;
  /** What becomes of it where the protection is off, and where that is seen; or why there is nothing to be switched off. */
  readonly without: string;
}

const separateBuild = 'it takes a build of its own, which has to fail';

/** Rows about what airplant does with a build, in which a bare namespace has no part. */
export const elsewhere: Readonly<Record<string, Elsewhere>> = {
  I7: {
    title: 'a builder that stops itself is timed out',
    tests: [['hazard/time-limits', 'I7: a builder that stops itself is timed out']],
    why: 'only who waits for the builder can tell',
    without: 'without `timeout` the same build has not ended when the other one has (same test)',
  },
  N9: {
    title: 'a fixed-output build reaches the world and nothing of the host',
    tests: [
      ['host/network', 'with pasta, a fixed-output build reaches the world and nothing of the host'],
      ['host/network', 'with slirp4netns, a fixed-output build reaches the world and nothing of the host'],
    ],
    why: 'it takes a world to be reached, made of namespaces for the test',
    without:
      'with `fixed-output-network = host` all of the host is reached (`what is out of reach in a network of its own …`)',
  },
  N10: {
    title: 'what listens in a fixed-output build is not reached from outside',
    tests: [
      ['host/network', 'with pasta, nobody on the host reaches what listens in a build'],
      ['host/network', 'with slirp4netns, nobody on the host reaches what listens in a build'],
    ],
    why: 'it is somebody outside who tries',
    without: 'with `fixed-output-network = host` it is heard (same tests)',
  },
  U4: {
    title: 'a set-id program gives nobody anything',
    tests: [['hazard/catalogue-builds', 'U4: a set-id program gives nobody anything']],
    why: 'in the user namespace of the control nobody has the ids of the host’s set-id programs',
    without: 'run outside any sandbox, the same program is secure, so is more than its caller (same test)',
  },
  X1: {
    title: 'a fork bomb ends at a limit, if there is one, and dies with its build',
    tests: [
      ['hazard/fork-bomb', 'X1: a fork bomb stops at its caller’s limit, and dies with its build'],
      [
        'host/control-group',
        'limits of builds are in force, or that is warned of once, recorded, and an error where they are required',
      ],
    ],
    why: 'nothing but the machine’s own limits would end it in the control',
    without:
      'with a higher limit it grows beyond the lower one (`with a higher limit …`). Where neither `ulimit -u` nor `build-pids-max` is set there is none: documented',
  },
  X3: {
    title: 'a full disk fails the build and nothing else',
    tests: [['hazard/resources', 'X3: a full disk fails the build and nothing else']],
    why: 'the disk is that of the store, which has to go on working',
    without: 'nothing keeps a build from filling the disk: it fails for it, and the next one is built',
  },
  X4: {
    title: 'a disk without inodes fails the build and nothing else',
    tests: [['hazard/resources', 'X4: a disk without inodes fails the build and nothing else']],
    why: 'the disk is that of the store, which has to go on working',
    without: 'nothing keeps a build from using up the inodes: it fails for it, and the next one is built',
  },
  X5: {
    title: 'a flooded log is bounded in memory, however slow its reader',
    tests: [['hazard/escape', 'a flooded log is bounded in memory, however slow its reader']],
    why: 'it is the memory of whoever builds',
    without:
      'if the builder is not held back, memory grows by all it writes: seen with the waiting taken out of `ts/build/run-attempt.ts`',
  },
  X6: {
    title: 'time limits hold, to the second',
    tests: [
      ['hazard/time-limits', 'X6: who writes without end is timed out'],
      ['hazard/time-limits', 'X6: who is silent is ended, and who writes is not'],
      ['build/watchdog', 'the whole time counts, output or not'],
      ['build/watchdog', 'the time before the builder runs does not count'],
    ],
    why: 'only who waits for the builder can tell',
    without: 'without the limits the same builds have not ended when the others have (same file)',
  },
  X7: {
    title: 'an output of very many or very deep files is registered or refused',
    tests: [
      ['hazard/catalogue-builds', 'X7: an output of very many files is registered'],
      [
        'hazard/escape',
        'trees of any depth are refused or removed, and nobody runs out of stack or descriptors',
      ],
    ],
    why: 'it is what registers them that could break',
    without:
      'there is nothing to switch off: no code that walks outputs recurses or holds a descriptor a level',
  },
  X11: {
    title: 'what one build exhausts, another can do without',
    tests: [['hazard/resources', 'X11: what one build exhausts, another can do without']],
    why: 'it is another build, and airplant itself, that has to do without',
    without: 'nothing keeps a build from using up what the kernel counts by user: documented',
  },
  O1: {
    title: 'an output that holds a FIFO, a socket or a device is refused, unopened',
    tests: [
      ['hazard/escape', 'CVE-2024-9676: an output with a socket is refused'],
      ['hazard/escape', 'CVE-2024-9676: an output with a character device 0:0 is refused'],
      ['hazard/escape', 'CVE-2024-9676: an output with a FIFO with odd bytes in its name is refused'],
    ],
    why: separateBuild,
    without: 'a builder makes them unhindered: what is refused is there (same tests)',
  },
  O3: {
    title: 'a file of terabytes is refused unread where a size is checked, and no abort waits for it',
    tests: [
      ['hazard/catalogue-builds', 'O3: an abort does not wait for a file of terabytes to be hashed'],
      ['hazard/catalogue-builds', 'O3: a file of terabytes is refused by `maxSize` without being read'],
      [
        'hazard/catalogue-builds',
        'O3: a file of terabytes is refused by `maxClosureSize` without being read',
      ],
    ],
    why: separateBuild,
    without: 'without `outputChecks` it is read, for hours, unless the build is aborted (first test)',
  },
  O4: {
    title: 'names of 255 bytes are kept, and paths longer than PATH_MAX refused',
    tests: [
      ['hazard/catalogue-builds', 'O4: names of 255 bytes are kept'],
      [
        'hazard/escape',
        'trees of any depth are refused or removed, and nobody runs out of stack or descriptors',
      ],
    ],
    why: separateBuild,
    without:
      'there is nothing to switch off: kernels have no longer names, and too long paths cannot be opened',
  },
  O8: {
    title: 'missing, undeclared and equal outputs',
    tests: [
      ['hazard/odd-outputs', 'O8: an output that was not made fails the build'],
      ['hazard/odd-outputs', 'O8: what nobody declared is thrown away'],
      ['hazard/odd-outputs', 'O8: an output may be a file'],
      ['hazard/odd-outputs', 'O8: an output that is one of its inputs is left as it is'],
    ],
    why: separateBuild,
    without: 'in a path that is declared writable it stays (`O8: what nobody declared …`)',
  },
  O12: {
    title: 'references are found wherever they lie, and circles refused',
    tests: [
      ['hazard/catalogue-builds', 'O12: references are found wherever they lie in contents and targets'],
      ['hazard/catalogue-builds', 'O12: outputs that refer to one another in a circle are refused'],
    ],
    why: 'what is registered is in the database, not in the output',
    without: 'in UTF-16 they are not found (same test): documented',
  },
  O13: {
    title: 'what is asked of references is never ignored',
    tests: [['hazard/catalogue-builds', 'O13: what is asked of references is never ignored']],
    why: separateBuild,
    without: 'the same output without the rule is registered (same test)',
  },
  L3: {
    title: 'the death of node ends the build, and what it leaves is removed',
    tests: [
      ['hazard/build-death', 'the death of node leaves nothing'],
      [
        'hazard/build-death',
        'what the death of node, launcher and supervisor leaves, the next build in the store removes',
      ],
    ],
    why: 'it is node that is killed',
    without: 'with node, launcher and supervisor killed at once, directories are left (second test)',
  },
};
