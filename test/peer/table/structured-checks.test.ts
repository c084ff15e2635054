import { type PeerRow, peerTable } from '../../support/peer-table.js';

// Rules for outputs in structured attributes: each output has its own, and sizes can be limited as well.
const rejected = { status: 1, result: 'OutputRejected' } as const;
const refused = [/output '.*' is not allowed to refer to the following paths:(\n\/nix\/store\/.*)+/];
const tooLarge = [/path '.*' is too large at \d+ bytes; limit is \d+ bytes/];

/** The script finds the paths of its outputs and of `dep` and `user`, which refers to `dep`, in variables. */
function checked(script: string, outputChecks: string, more = ''): Pick<PeerRow, 'nix'> {
  return {
    nix: `
      let
        dep = named "dep" "echo dep > $out" { };
        user = named "user" "echo $dep > $out" { inherit dep; };
        out = builtins.placeholder "out";
        dev = builtins.placeholder "dev";
      in script "out=\${out} dev=\${dev} dep=\${dep} user=\${user}\\n${script}" {
        __structuredAttrs = true;
        outputs = [ "out" "dev" ];
        outputChecks = ${outputChecks};
        ${more}
      }`,
  };
}

peerTable('output policy in structured attributes', [
  { name: 'no rules', ...checked('echo $user > $out; echo $out > $dev', '{ }'), status: 0 },
  {
    name: 'rules of another output',
    ...checked('echo $dep > $out; echo > $dev', '{ dev.allowedReferences = [ ]; }'),
    status: 0,
  },
  {
    name: 'rules that are kept',
    ...checked(
      'echo $user $out > $out; echo > $dev',
      '{ out = { allowedReferences = [ user "out" ]; allowedRequisites = [ user dep "out" ]; disallowedReferences = [ dep ]; }; }',
    ),
    status: 0,
  },
  {
    name: 'a reference too many',
    ...checked('echo $dep $dev > $out; echo > $dev', '{ out.allowedReferences = [ "dev" ]; }'),
    ...rejected,
    said: refused,
  },
  {
    name: 'a disallowed requisite',
    ...checked('echo $user > $out; echo > $dev', '{ out.disallowedRequisites = [ dep ]; }'),
    ...rejected,
    said: refused,
  },
  {
    name: 'itself is a requisite',
    ...checked('echo $out > $out; echo > $dev', '{ out.disallowedRequisites = [ "out" ]; }'),
    ...rejected,
    said: refused,
  },
  {
    name: 'itself is ignored',
    ...checked(
      'echo $out > $out; echo > $dev',
      '{ out = { allowedRequisites = [ ]; ignoreSelfRefs = true; }; }',
    ),
    ...rejected,
    said: refused,
    differs: { why: 'Nix 2.8 does not know ignoreSelfRefs', status: 0, result: 'Built', said: [] },
  },
  {
    name: 'references that are discarded',
    ...checked(
      'echo $dep > $out; echo > $dev',
      '{ out.allowedReferences = [ ]; }',
      'unsafeDiscardReferences.out = true;',
    ),
    ...rejected,
    said: refused,
    differs: { why: 'Nix 2.8 does not know unsafeDiscardReferences', status: 0, result: 'Built', said: [] },
  },
  {
    // A file of 5 bytes is a NAR of 120.
    name: 'just small enough',
    ...checked('echo 1234 > $out; echo > $dev', '{ out.maxSize = 120; }'),
    status: 0,
  },
  {
    name: 'too large',
    ...checked('echo 1234 > $out; echo > $dev', '{ out.maxSize = 119; }'),
    ...rejected,
    said: tooLarge,
  },
  {
    name: 'a closure that is just small enough',
    // The name of the derivation is part of what `dev` holds, 52 bytes: a NAR of 168.
    ...checked('echo 1234 > $out; echo $out > $dev', '{ dev.maxClosureSize = 288; }', 'name = "closure";'),
    status: 0,
  },
  {
    name: 'a closure that is too large',
    ...checked('echo 1234 > $out; echo $out > $dev', '{ dev.maxClosureSize = 287; }', 'name = "closure";'),
    ...rejected,
    said: [/closure of path '.*-closure-dev' is too large at 288 bytes; limit is 287 bytes/],
  },
  {
    name: 'a closure with what was there before',
    ...checked('echo $user > $out; echo > $dev', '{ out.maxClosureSize = 100; }'),
    ...rejected,
    said: [/closure of path '.*' is too large at \d+ bytes; limit is 100 bytes/],
  },
  {
    name: 'rules beside outputChecks',
    ...checked('echo $dep > $out; echo > $dev', '{ }', 'allowedReferences = [ ];'),
    status: 0,
    differs: {
      why: 'Nix 2.36 warns, too',
      said: [/disables the effect of the top-level attribute 'allowedReferences'/],
    },
  },
  {
    name: 'rules for what is no output',
    ...checked('echo > $out; echo > $dev', '{ lib.allowedReferences = [ "nonsense" ]; }'),
    status: 0,
    differs: { why: 'a warning', said: [/'outputChecks' of '.*' names 'lib', which is none of its outputs/] },
  },
]);
