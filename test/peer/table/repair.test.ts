import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { peerTable } from '../../support/peer-table.js';

// What was built is damaged, then repaired. Afterwards Nix reads all of the store again (see peerTable).
const repair = {
  verb: 'repair',
  status: 0,
  result: 'Built',
  said: [/repairing outputs of '.*'/],
} as const;

function overwrite(file: string): void {
  chmodSync(file, 0o644);
  writeFileSync(file, 'something else');
  chmodSync(file, 0o444);
}

peerTable('repair', [
  {
    name: 'a file with another content',
    nix: 'script "echo > $out" { }',
    ...repair,
    afterBuilding: (realPath, [out]) => overwrite(realPath(out!)),
  },
  {
    name: 'a path that is gone',
    nix: 'script "echo > $out" { }',
    ...repair,
    afterBuilding: (realPath, [out]) => rmSync(realPath(out!)),
  },
  {
    name: 'a file missing inside a directory',
    nix: 'script "bb mkdir $out; echo > $out/a; echo > $out/b" { }',
    ...repair,
    afterBuilding: (realPath, [out]) => {
      chmodSync(realPath(out!), 0o755);
      rmSync(`${realPath(out!)}/b`);
    },
  },
  {
    name: 'a file that has become executable',
    nix: 'script "echo > $out" { }',
    ...repair,
    afterBuilding: (realPath, [out]) => chmodSync(realPath(out!), 0o555),
  },
  {
    name: 'one of two outputs',
    nix: 'script "echo > $out; echo $out > $dev" { outputs = [ "out" "dev" ]; }',
    ...repair,
    afterBuilding: (realPath, [, dev]) => overwrite(realPath(dev!)),
  },
  {
    name: 'a fixed output',
    nix: 'script "printf promised > $out" (fixed "promised")',
    ...repair,
    afterBuilding: (realPath, [out]) => overwrite(realPath(out!)),
  },
  {
    name: 'nothing is damaged',
    nix: 'script "echo > $out" { }',
    verb: 'repair',
    status: 0,
    result: 'Built',
    differs: {
      why: 'where a store lies elsewhere than its paths say, Nix 2.8 misses every path at its logical place',
      result: 'AlreadyValid',
    },
    afterBuilding: () => {},
  },
]);
