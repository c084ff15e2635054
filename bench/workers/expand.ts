import { hostPath } from '../../ts/sandbox/host-paths.js';
import { hostLoaderFiles } from '../../ts/sandbox/program-files.js';
import { completeHostPaths } from '../../ts/sandbox/visible-paths.js';
import { serveSamples } from './serve.js';

// node expand.js PROGRAM…
// Finds all that must be shown for these programs to start, for each line read.
const programs = process.argv.slice(2);
const host = {
  storeDir: '/nix/store',
  realStoreDir: '/nix/store',
  privateDirectories: [],
  files: hostLoaderFiles,
  closure: () => Promise.reject(new Error('nothing here is in a store')),
  findSpecialFile: () => Promise.reject(new Error('nothing here is a directory')),
};
const wishes = programs.map((program) => ({
  ...hostPath({ source: program }, program),
  optional: false,
  readOnly: true,
  why: 'measured',
  expand: true,
}));

await serveSamples(programs.join(' '), async () => {
  const paths = await completeHostPaths(wishes, host);
  if (paths.length <= programs.length) throw new Error('no library was found');
});
