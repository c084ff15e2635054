import { fixture } from '../../support/nix.js';
import { type PeerRow, peerTable } from '../../support/peer-table.js';

// What builders are given besides variables, on which machines, and what of that is refused. Each builder of
// environment.nix copies what it was given to its output.
const row = (attribute: string, more: Partial<PeerRow> = {}): PeerRow => ({
  name: attribute,
  nix: `(import ${fixture('peer/environment.nix')}).${attribute}`,
  status: 0,
  ...more,
});

/** Nix says what its library for JSON does. */
const illTyped = (attribute: string, theirs: RegExp, ours: RegExp): PeerRow =>
  row(attribute, {
    status: 1,
    said: [theirs],
    differs: { why: 'Nix says what its library for JSON does', said: [ours] },
  });

peerTable('structured attributes', [
  row('structuredValues'),
  row('structuredText'),
  row('structuredNames'),
  row('structuredNested'),
  row('structuredOutputs'),
  row('structuredInputs'),
  row('structuredEnvironment'),
  row('structuredFixed'),
  row('jsonNumbers'),
  row('jsonText'),
  row('jsonRewritten'),
  row('jsonBroken', { status: 1, said: [/^error: cannot process __json attribute of '/m] }),
  illTyped(
    'jsonList',
    /^error: \[json\.exception\.type_error\.305\] cannot use operator\[\] with a string argument with array$/m,
    /^error: attribute '__json' of derivation json-list must be a JSON object$/m,
  ),
  row('jsonLatin', { status: 1, said: [/^error: cannot process __json attribute of '/m] }),
]);

/** Nix takes it for a build that failed. */
const rejected = (attribute: string, said: RegExp): PeerRow =>
  row(attribute, { status: 100, said: [said], differs: { why: 'no builder was started', status: 1 } });

const stranger =
  /^error: cannot export references of path '\/nix\/store\/\w+-leaf' because it is not in the input closure of the derivation$/m;

peerTable('closures described', [
  row('graphOne'),
  row('graphTwo'),
  row('graphText'),
  row('graphDerivation'),
  row('graphBelow'),
  row('graphRepeated'),
  row('graphBlanks'),
  row('graphNone'),
  row('graphFixed'),
  row('structuredGraphs'),
  row('structuredGraphSelf'),
  row('structuredGraphDerivation'),
  row('structuredGraphOther'),
  row('structuredGraphEmpty'),
  rejected(
    'graphOdd',
    /^error: odd number of tokens in 'exportReferencesGraph': 'graph \/nix\/store\/\w+-leaf more'$/m,
  ),
  row('graphName', {
    status: 1,
    said: [/^error: invalid file name '\.\.\/graph' in 'exportReferencesGraph'$/m],
  }),
  row('graphDotName', {
    status: 1,
    said: [/^error: invalid file name '\.attrs\.sh' in 'exportReferencesGraph'$/m],
  }),
  rejected('graphOutside', /^error: 'exportReferencesGraph' contains a non-store path '\/etc\/passwd'$/m),
  rejected('graphStranger', stranger),
  row('structuredGraphOutside', {
    status: 1,
    said: [/^error: path '\/etc\/passwd' is not in the Nix store$/m],
  }),
  rejected('structuredGraphStranger', stranger),
  illTyped(
    'structuredGraphNumber',
    /^error: \[json\.exception\.type_error\.302\] type must be string, but is number$/m,
    /^error: attribute 'exportReferencesGraph\.graph' of derivation structured-graph-number must be a string, or a list of them$/m,
  ),
  illTyped(
    'structuredGraphOutputs',
    /^error: \[json\.exception\.type_error\.302\] type must be object, but is array$/m,
    /^error: derivation structured-graph-outputs wants a graph in the attribute 'outputs', where the output paths are$/m,
  ),
]);

peerTable('machines', [
  row('x86_64'),
  ...(process.arch === 'x64' ? [row('i686')] : []),
  row('features'),
  row('structuredFeatures'),
  row('otherMachine', {
    status: 1,
    said: [/a 'riscv64-linux' with features \{\} is required to build '.*', but I am a '.*'/],
  }),
  row('builtinMachine', {
    status: 1,
    said: [/a 'builtin' with features \{\} is required to build '.*', but I am a '.*'/],
  }),
  row('otherFeature', {
    status: 1,
    said: [
      /a 'x86_64-linux' with features \{big-parallel, quantum\} is required to build '.*', but I am a '.*'/,
    ],
  }),
]);
