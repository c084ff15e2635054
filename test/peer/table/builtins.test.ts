import { fixture } from '../../support/nix.js';
import { type PeerRow, peerTable } from '../../support/peer-table.js';

// Builders that are built in.
const row = (attribute: string, more: Partial<PeerRow> = {}): PeerRow => ({
  name: attribute,
  nix: `(import ${fixture('peer/builtins.nix')}).${attribute}`,
  status: 0,
  ...more,
});
const failing = (attribute: string, ...said: readonly RegExp[]) => row(attribute, { status: 100, said });

peerTable('builtin:buildenv', [
  row('buildenvNone'),
  row('buildenvOne'),
  row('buildenvTwo'),
  row('buildenvThree'),
  row('buildenvLower'),
  row('buildenvNegative'),
  row('buildenvInactive'),
  row('buildenvRepeated'),
  row('buildenvLinked'),
  row('buildenvLinkedOther'),
  row('buildenvHidden'),
  row('buildenvFile'),
  row('buildenvPropagated'),
  row('buildenvPropagatedToo'),
  row('buildenvOutputs'),
  row('buildenvAsFile'),
  row('buildenvLarge'),
  row('buildenvLoop'),
  failing(
    'buildenvSame',
    /packages '\/nix\/store\/\w+-same-\w+\/bin\/same' and '\/nix\/store\/\w+-same-\w+\/bin\/same' have the same priority 5; use 'nix-env --set-flag priority NUMBER INSTALLED_PKGNAME' to change the priority of one of the conflicting packages \(0 being the highest priority\)/,
  ),
  failing(
    'buildenvNotDirectory',
    /^> error: collision between '\/nix\/store\/\w+-one\/bin' and non-directory '\/nix\/store\/\w+-file-at-bin\/bin'$/m,
  ),
  failing(
    'buildenvDirectoryFirst',
    /collision between non-directory '\/nix\/store\/\w+-file-at-bin\/bin' and directory '\/nix\/store\/\w+-buildenv-directory-first\/bin'/,
  ),
  failing('buildenvLoops', /Too many levels of symbolic links/),
  failing('buildenvAbsent', /opening directory '\/nix\/store\/0{32}-absent': No such file or directory/),
  failing('buildenvNoManifest', /attribute 'manifest' missing/),
  failing('buildenvNoDerivations', /attribute 'derivations' missing/),
]);

peerTable('builtin:unpack-channel', [
  row('channelPlain'),
  row('channelGzip'),
  row('channelBzip2'),
  row('channelXz'),
  failing('channelTwo', /channel tarball '\/nix\/store\/\w+-channel\.tar' contains more than one file/),
  row('channelNone', {
    status: 100,
    said: [/^error: builder for '\/nix\/store\/\w+-channel-none\.drv' failed with exit code 1;$/m],
  }),
]);
