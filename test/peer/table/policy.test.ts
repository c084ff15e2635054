import { peerTable } from '../../support/peer-table.js';

// What outputs may refer to. Structured attributes have more rules: table/structured-checks.test.ts.
const rejected = { status: 1, result: 'OutputRejected' } as const;
const refused = /output '.*' is not allowed to refer to the following paths:(\n\/nix\/store\/.*)+/;
const dependency = 'dep = named "dep" "echo dep > $out" { };';
const chain = `${dependency} user = named "user" "echo $dep > $out" { inherit dep; };`;

peerTable('output policy', [
  {
    name: 'no reference allowed and none made',
    nix: 'script "echo > $out" { allowedReferences = [ ]; }',
    status: 0,
  },
  {
    name: 'no reference allowed',
    nix: `let ${dependency} in script "echo $dep > $out" { inherit dep; allowedReferences = [ ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'an allowed reference',
    nix: `let ${dependency} in script "echo $dep > $out" { inherit dep; allowedReferences = [ dep ]; }`,
    status: 0,
  },
  {
    name: 'two references too many, in order',
    nix: `let ${dependency} other = named "other" "echo > $out" { };
          in script "echo $other $dep $out > $out" { inherit dep other; allowedReferences = [ "out" ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'itself is a reference that has to be allowed',
    nix: 'script "echo $out > $out" { allowedReferences = [ ]; }',
    ...rejected,
    said: [refused],
  },
  {
    name: 'itself is no requisite that has to be allowed',
    nix: 'script "echo $out > $out" { allowedRequisites = [ ]; }',
    status: 0,
  },
  {
    name: 'itself as a disallowed reference',
    nix: 'script "echo $out > $out" { disallowedReferences = [ "out" ]; }',
    ...rejected,
    said: [refused],
  },
  {
    name: 'itself as a disallowed requisite',
    nix: 'script "echo $out > $out" { disallowedRequisites = [ "out" ]; }',
    status: 0,
  },
  {
    name: 'a requisite too many',
    nix: `let ${chain} in script "echo $user > $out" { inherit user; allowedRequisites = [ user ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'all requisites allowed',
    nix: `let ${chain} in script "echo $user > $out" { inherit user; allowedRequisites = [ user dep ]; }`,
    status: 0,
  },
  {
    name: 'a disallowed reference',
    nix: `let ${dependency} in script "echo $dep > $out" { inherit dep; disallowedReferences = [ dep ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'a disallowed reference that is a requisite only',
    nix: `let ${chain} in script "echo $user > $out" { inherit user; disallowedReferences = [ dep ]; }`,
    status: 0,
  },
  {
    name: 'a disallowed requisite',
    nix: `let ${chain} in script "echo $user > $out" { inherit user; disallowedRequisites = [ dep ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'an output that another one must not refer to',
    nix: `script "echo > $out; echo $out > $dev" { outputs = [ "out" "dev" ]; disallowedReferences = [ "out" ]; }`,
    ...rejected,
    said: [refused],
  },
  {
    name: 'a requisite through another new output',
    nix: `let ${dependency} in script "echo $dep > $out; echo $out > $dev"
            { inherit dep; outputs = [ "out" "dev" ]; allowedRequisites = [ "out" ]; }`,
    ...rejected,
    said: [/output '.*-dev' is not allowed to refer to the following paths:(\n\/nix\/store\/.*)+/],
  },
  {
    name: 'a rule that names no output',
    nix: 'script "echo > $out" { disallowedReferences = [ "lib" ]; }',
    ...rejected,
    said: [/illegal reference specifier 'lib'/],
    differs: { why: 'noticed before anything is built', result: 'InputRejected' },
  },
  {
    name: 'the references of a fixed output',
    nix: `let ${dependency} in script "echo hello > $out" (fixed "hello\\n" // { inherit dep; allowedReferences = [ ]; })`,
    status: 0,
  },
  {
    name: 'two outputs that refer to each other',
    nix: 'script "echo $dev > $out; echo $out > $dev" { outputs = [ "out" "dev" ]; }',
    ...rejected,
    said: [/cycle detected in build of '.*' in the references of output '.*' from output '.*'/],
  },
  {
    name: 'three outputs in a circle',
    nix: `script "echo $b > $a; echo $c > $b; echo $a > $c; echo $a $b $c > $z" { outputs = [ "z" "c" "b" "a" ]; }`,
    ...rejected,
    said: [/cycle detected in build of '.*' in the references of output '.*' from output '.*'/],
  },
]);
