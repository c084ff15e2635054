import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeText } from '../../ts/base/text.js';
import type { AttributeValue } from '../../ts/derivation/author/coerce.js';
import { createEvaluator } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { outputPlaceholder } from '../../ts/formats/placeholder.js';

/** The expressions the `handmade` fixtures were made from with Nix, here in TypeScript. */
export function handmadeDerivations(): DerivationValue[] {
  const { derivation, source, toFile, storePath } = createEvaluator();
  const nonUtf8 = fileURLToPath(new URL('../../../test/fixtures/derivations/non-utf8.bin', import.meta.url));
  const system = 'x86_64-linux';
  const sh = '/bin/busybox';
  const made: DerivationValue[] = [];
  const keep = <Output extends string>(value: DerivationValue<Output>) => {
    made.push(value as unknown as DerivationValue);
    return value;
  };
  const mk = <const Output extends string = 'out'>(
    name: string,
    script: string,
    attributes: { outputs?: readonly Output[]; [attribute: string]: AttributeValue } = {},
  ) => keep(derivation<Output>({ name, system, builder: sh, args: ['sh', '-ec', script], ...attributes }));
  const out = outputPlaceholder('out');
  const dev = outputPlaceholder('dev');

  // plain
  mk('plain', 'echo hello > $out');
  keep(derivation({ name: 'no-args', system, builder: '/bin/true' }));
  mk('empty-env-value', 'echo "[$empty]" > $out', { empty: '' });
  mk('with-source', 'cat $src > $out', { src: toFile('source.txt', 'source text\n') });
  mk('two-sources', 'cat $srcs > $out', { srcs: [toFile('b.txt', 'b\n'), toFile('a.txt', 'a\n')] });
  const chain1 = mk('chain-1', 'echo 1 > $out');
  const chain2 = mk('chain-2', 'cat $dep > $out; echo 2 >> $out', { dep: `${chain1}` });
  const chain3 = mk('chain-3', 'cat $deps > $out; echo 3 >> $out', { deps: [chain1, chain2] });
  mk('diamond', 'cat $l $r > $out', {
    l: mk('diamond-left', 'cat $dep > $out', { dep: chain1 }),
    r: mk('diamond-right', 'cat $dep > $out', { dep: chain1 }),
  });
  mk('drv-as-input', 'echo $drv > $out', { drv: chain2.drvPath });
  mk('drv-file-only', 'echo $drv > $out', { drv: storePath(chain2.drvPath) });
  keep(derivation({ name: 'other-system', system: 'aarch64-linux', builder: '/bin/sh' }));
  keep(
    derivation({
      name: 'builtin-fetchurl',
      system: 'builtin',
      builder: 'builtin:fetchurl',
      url: 'file:///dev/null',
      urls: ['file:///dev/null'],
      executable: false,
      unpack: false,
      preferLocalBuild: true,
      outputHashMode: 'flat',
      outputHashAlgo: 'sha256',
      outputHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    }),
  );
  keep(
    derivation({
      name: 'builtin-buildenv',
      system: 'builtin',
      builder: 'builtin:buildenv',
      derivations: ['true', 5, 1, chain1],
      manifest: '/nonexistent',
    }),
  );

  // outputs
  const multi = mk('multi', 'echo a > $out; echo b > $dev; echo $out > $lib', {
    outputs: ['out', 'dev', 'lib'],
  });
  mk('multi-no-out', 'echo a > $bin; echo b > $doc', { outputs: ['bin', 'doc'] });
  mk('multi-user', 'cat $a $b > $out', { a: multi.dev, b: `${multi.outputs.lib}` });
  mk('multi-user-one', 'cat $a > $out', { a: multi.dev });
  mk('multi-all', 'cat $all > $out', { all: [multi, multi.dev, multi.lib] });
  mk('self-ref', 'echo $out > $out');
  mk('cross-output-ref', 'echo x > $dev; echo $dev > $out', { outputs: ['out', 'dev'] });
  const rt1 = mk('rt-1', 'echo rt1 > $out');
  const rt2 = mk('rt-2', 'echo $dep > $out', { dep: rt1 });
  mk(
    'rt-3',
    String.raw`/bin/busybox mkdir -p $out/bin $out/empty; /bin/busybox ln -s $dep $out/link; printf '#!/bin/sh\necho %s %s\n' $out $other > $out/bin/prog; /bin/busybox chmod +x $out/bin/prog`.replaceAll(
      '\\n',
      '\n',
    ),
    { dep: rt2, other: rt1 },
  );

  // strings
  mk('unicode', 'echo "$text" > $out', { text: 'grüße, мир, 世界, 🦉, u0301' });
  mk('control-characters', 'echo "$text" > $out', {
    text: 'newline:\n tab:\t cr:\r quote:" backslash:\\ backslash-n:\\n dollar:$ bell:\x07 del:\x7f end',
  });
  const args = ['x', '', 'a\nb', 'a\tb', 'a"b', 'a\\b', 'a\rb', '\\\\', 'é'];
  const printf = 'printf \'%s\\n\' "$@" > $out';
  keep(derivation({ name: 'arg-escapes', system, builder: sh, args: ['sh', '-c', printf, ...args] }));
  mk('env-names', 'env > $out', {
    'name with space': '1',
    'dash-name': '2',
    'dot.name': '3',
    ünï: '4',
    _under: '5',
    UPPER: '6',
    'a=b': '7',
  });
  mk('name+with-all_allowed?chars=1.0', 'echo > $out');
  mk('n'.repeat(207), 'echo > $out');
  mk('non-utf8', 'printf \'%s\' "$raw" > $out', { raw: decodeText(readFileSync(nonUtf8)) });
  mk('value-types', 'env > $out', {
    int: 42,
    neg: -7,
    float: 1.5,
    t: true,
    f: false,
    n: null,
    list: [1, 'two', [3, ['four']], true, false, null],
    nested: [[], [[]]],
    path: source(nonUtf8),
  });
  mk('big-env', 'echo $big > $out', { big: '0123456789abcdef'.repeat(16384) });

  // passAsFile, exportReferencesGraph
  const bigtext = 'some big text\nwith lines\n';
  mk('pass-as-file', 'cat $bigtextPath $otherPath > $out', {
    passAsFile: ['bigtext', 'other'],
    bigtext,
    other: 'other',
  });
  mk('pass-as-file-odd', 'env > $out', { passAsFile: ['a-b', 'ü', 'missing'], 'a-b': '1', ü: '2' });
  mk('export-graph', 'cat graph > $out', { exportReferencesGraph: ['graph', chain3] });
  mk('export-graph-two', 'cat g1 g2 > $out', { exportReferencesGraph: ['g1', chain3, 'g2', multi.dev] });
  mk('export-graph-drv', 'cat graph > $out', { exportReferencesGraph: ['graph', chain3.drvPath] });

  // structured attributes
  keep(
    derivation({
      name: 'structured',
      system,
      builder: sh,
      args: ['sh', '-ec', `/bin/busybox cat .attrs.json .attrs.sh > ${out}; echo dev > ${dev}`],
      __structuredAttrs: true,
      outputs: ['out', 'dev'],
      string: 's"\'\\\n\t',
      unicode: '世界',
      int: 123456789,
      neg: -1,
      float: 123.456,
      floatInt: 1.0,
      big: 9223372036854775807n,
      boolTrue: true,
      boolFalse: false,
      nothing: null,
      list: ['a', 'b', 1, true, null, "'", '"'],
      nestedList: [[1, 2], [3]],
      set: { a: '1', b: 2, c: true, 'weird key': 'x' },
      deep: { er: { est: [{ k: 'v' }] } },
      emptyList: [],
      emptySet: {},
      'foo bar': 'bad',
      '1foo': 'bad',
      foo$: 'bad',
      'foo-bar': 'bad',
      dep: chain2,
      deps: [chain1, chain2],
      self: out,
      exportReferencesGraph: { refs: [chain3], more: [multi.dev, multi.lib] },
    }),
  );
  keep(
    derivation({
      name: 'structured-checks',
      system,
      builder: sh,
      args: ['sh', '-ec', `echo 1 > ${out}; echo 2 > ${dev}; echo 3 > ${outputPlaceholder('lib')}`],
      __structuredAttrs: true,
      outputs: ['out', 'dev', 'lib'],
      outputChecks: {
        out: {
          allowedReferences: [chain1, 'dev'],
          allowedRequisites: [chain1, chain2, 'dev'],
          maxSize: 1024,
          maxClosureSize: 4096,
        },
        dev: { disallowedReferences: [chain3, 'out'], disallowedRequisites: [chain3], ignoreSelfRefs: true },
        lib: {},
      },
      unsafeDiscardReferences: { lib: true },
    }),
  );
  keep(
    derivation({
      name: 'structured-minimal',
      system,
      builder: sh,
      args: ['sh', '-ec', `env > ${out}`],
      __structuredAttrs: true,
    }),
  );

  // reference checks, flags
  mk('allowed-references', 'echo $dep > $out', { dep: chain1, allowedReferences: [chain1, 'out'] });
  mk('allowed-none', 'echo > $out', { allowedReferences: [] });
  mk('no-chroot', 'echo > $out', { __noChroot: true });
  mk('required-system-features', 'echo > $out', {
    requiredSystemFeatures: ['kvm', 'big-parallel', 'my-feature'],
  });
  mk('prefer-local', 'echo > $out', { preferLocalBuild: true, allowSubstitutes: false });
  mk('impure-host-deps', 'echo > $out', {
    __impureHostDeps: ['/usr/lib/libSystem.dylib'],
    __sandboxProfile: '(allow file-read*)',
    __darwinAllowLocalNetworking: true,
  });

  // fixed outputs
  const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  const flat = { outputHashMode: 'flat', outputHashAlgo: 'sha256' };
  const recursive = { outputHashMode: 'recursive', outputHashAlgo: 'sha256' };
  const hello = 'printf hello > $out';
  const fodFlat = mk('fod-flat-sha256', hello, { ...flat, outputHash: sha256 });
  mk('fod-flat-sha256', hello, {
    ...flat,
    outputHash: '094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic',
  });
  mk('fod-flat-sri', hello, {
    outputHashMode: 'flat',
    outputHash: 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
    outputHashAlgo: null,
  });
  const fodOther = mk('fod-flat-sha256', 'printf hel > $out; printf lo >> $out', {
    ...flat,
    outputHash: sha256,
  });
  mk('fod-flat-sha1', hello, {
    outputHashAlgo: 'sha1',
    outputHash: 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d',
  });
  mk('fod-flat-md5', hello, { outputHashAlgo: 'md5', outputHash: '5d41402abc4b2a76b9719d911017c592' });
  const directory = 'mkdir $out; printf hello > $out/f';
  mk('fod-rec-sha256', directory, {
    ...recursive,
    outputHash: 'a17ad11d9c87ccd9c864c7c46978d8fd7724d2a2fada4b47fa313bd62c9abcd7',
  });
  mk('fod-rec-sha1', directory, {
    outputHashMode: 'recursive',
    outputHashAlgo: 'sha1',
    outputHash: 'e40d03bbf561b50c9e46c2bd37b5a638bb0bf9fa',
  });
  mk('fod-rec-md5', directory, {
    outputHashMode: 'recursive',
    outputHashAlgo: 'md5',
    outputHash: 'f9afa63898f39390e365b2e5dc5a25f9',
  });
  mk('fod-user', 'cat $dep > $out', { dep: fodFlat });
  mk('fod-user', 'cat $dep > $out', { dep: fodOther });

  // content-addressed and impure
  const caRec = mk('ca-recursive', 'mkdir $out; echo $out > $out/self', {
    __contentAddressed: true,
    ...recursive,
  });
  mk('ca-flat', 'echo text > $out', { __contentAddressed: true, ...flat });
  mk('ca-multi', 'echo a > $out; echo $out > $dev', {
    __contentAddressed: true,
    ...recursive,
    outputs: ['out', 'dev'],
  });
  mk('ca-dependent', 'cat $dep/self > $out', { dep: `${caRec}`, __contentAddressed: true, ...recursive });
  mk('input-addressed-on-ca', 'cat $dep/self > $out', { dep: caRec });
  keep(
    derivation({
      name: 'ca-structured',
      system,
      builder: sh,
      args: ['sh', '-ec', `echo ca > ${out}`],
      __structuredAttrs: true,
      __contentAddressed: true,
      outputHashMode: 'recursive',
      outputHashAlgo: 'sha256',
    }),
  );
  const impure = mk('impure', 'date > $out', { __impure: true, ...recursive });
  mk('impure-fod-user', hello, { dep: impure, ...flat, outputHash: sha256 });
  return made;
}
