import { type PeerRow, peerTable } from '../../support/peer-table.js';

// Builds that succeed, in every way an output can come about.
const attributes = [
  ...[
    'diamond',
    'passAsFile',
    'strings',
    'selfReference',
    'source',
    'placeholder',
    'fixedFlat',
    'fixedFlatSha1',
  ],
  ...['odd', 'listing'],
];

peerTable('successes', [
  ...attributes.map((attribute): PeerRow => ({ name: attribute, nix: `peer.${attribute}`, status: 0 })),
  { name: 'three outputs and their user', nix: '[ peer.multi peer.multiUser ]', status: 0 },
  { name: 'a fixed output and its user', nix: '[ peer.fixedRecursive peer.fixedUser ]', status: 0 },
  { name: 'an empty file', nix: 'script ": > $out" { }', status: 0 },
  { name: 'an empty directory', nix: 'script "bb mkdir $out" { }', status: 0 },
  { name: 'an executable', nix: 'script "echo > $out; bb chmod 711 $out" { }', status: 0 },
  {
    name: 'names that sort by bytes',
    nix: `script "bb mkdir $out; cd $out; for name in a A B b a.b a-b a/ 'ü' '🦉' 'ﬀ' ' '; do echo > \\"\${name%/}\\"; done" { }`.replaceAll(
      '${',
      '\\${',
    ),
    status: 0,
  },
  {
    name: 'names that are not UTF-8',
    nix: `script "bb mkdir $out; echo > $out/$(printf 'a\\\\377b'); bb ln -s $(printf 'to\\\\377') $out/link" { }`,
    status: 0,
  },
  {
    name: 'outputs that are wanted one by one',
    nix: 'script "echo > $one; echo $one > $two" { outputs = [ "two" "one" ]; }',
    status: 0,
  },
  {
    name: 'several derivations',
    nix: 'map (name: named name "echo $name > $out" { }) [ "first" "second" "third" ]',
    flags: ['--max-jobs', '2'],
    status: 0,
  },
  {
    name: 'processes left behind',
    nix: 'script "bb sleep 1000 & bb setsid bb sleep 1000 & echo > $out" { }',
    status: 0,
  },
  {
    name: 'references in a link and in a name',
    nix: `let dep = named "dep" "echo > $out" { }; other = named "other" "echo > $out" { }; in
          script "bb mkdir $out; bb ln -s $dep $out/link; echo > $out/\${baseNameOf other}" { inherit dep other; }`,
    status: 0,
  },
]);
