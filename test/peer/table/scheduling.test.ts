import { peerTable } from '../../support/peer-table.js';

// How many builds at a time, and what goes on after a failure.
const noJobs = /unable to start any build; either increase '--max-jobs' or enable remote builds/;

peerTable('scheduling', [
  {
    name: 'no jobs',
    nix: 'script "echo > $out" { }',
    flags: ['--max-jobs', '0'],
    status: 1,
    said: [noJobs],
  },
  {
    name: 'no jobs for what prefers to be built locally',
    nix: 'script "echo > $out" { preferLocalBuild = true; }',
    flags: ['--max-jobs', '0'],
    status: 1,
    said: [noJobs],
  },
  {
    name: 'no jobs and nothing to build',
    nix: 'script "echo > $out" { }',
    flags: ['--max-jobs', '0'],
    afterBuilding: () => {},
    status: 0,
    result: 'AlreadyValid',
  },
  {
    name: 'no jobs and something to build among what is valid, going on',
    nix: '[ peer.listing (script "echo > $out" { }) ]',
    flags: ['--max-jobs', '0', '--keep-going'],
    status: 1,
    said: [noJobs],
  },
  {
    name: 'what prefers to be built locally',
    nix: 'script "echo $dep > $out" { preferLocalBuild = true; dep = named "also-local" "echo > $out" { preferLocalBuild = true; }; }',
    status: 0,
  },
  {
    name: 'cores that are told',
    nix: 'script "echo $NIX_BUILD_CORES > $out" { }',
    flags: ['--cores', '7'],
    status: 0,
  },
  {
    name: 'what is required and offered',
    nix: 'script "echo > $out" { requiredSystemFeatures = [ "big-parallel" "benchmark" ]; }',
    flags: ['--max-jobs', '2'],
    status: 0,
  },
  {
    name: 'a failure among others, going on',
    nix: `[ (script "echo > $out" { dep = named "fails-alone" "exit 1" { }; })
            (named "goes-on" "echo $dep > $out" { dep = named "goes-on-below" "echo > $out" { }; }) ]`,
    flags: ['--keep-going', '--max-jobs', '1'],
    status: 100,
    result: 'DependencyFailed',
    said: [/builder for '.*-fails-alone.drv' failed with exit code 1/],
  },
]);
