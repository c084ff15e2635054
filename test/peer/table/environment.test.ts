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
  row('jsonBroken', { status: 1 }),
  row('jsonList', { status: 1 }),
  row('jsonLatin', { status: 1 }),
]);

/** Nix takes it for a build that failed. */
const rejected = (attribute: string, said: RegExp): PeerRow =>
  row(attribute, { status: 100, differs: { why: 'no builder was started', status: 1, said: [said] } });

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
  rejected('graphOdd', /has an odd number of words in 'exportReferencesGraph'/),
  row('graphName', { status: 1 }),
  row('graphDotName', { status: 1 }),
  rejected('graphOutside', /has '\/etc\/passwd', which is no path in the store/),
  rejected('graphStranger', /-leaf' because it is not in the input closure/),
  row('structuredGraphOutside', { status: 1 }),
  rejected('structuredGraphStranger', /-leaf' because it is not in the input closure/),
  row('structuredGraphNumber', { status: 1 }),
  row('structuredGraphOutputs', { status: 1 }),
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
