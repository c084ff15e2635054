import type { Derivation } from '../../derivation/derivation.js';
import { printJson } from '../../derivation/json-print.js';
import { derivationsToJson } from '../../derivation/json-write.js';
import type { Command } from '../command.js';
import type { OpenStore } from '../engine.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

const formats = ['1', '2', '3', '4'] as const;

export const showDerivationCommand: Command = {
  name: 'show-derivation',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints derivations as JSON, in one of the forms of \`nix derivation show\`.

PATH is a .drv in the store, or an output, which stands for the derivation that made it. Form 1 is that of Nix 2.8, 3 that of Nix 2.19 to 2.31, 4 the one after it; 2 is between the first two.`,
  flags: [
    ...storeFlags,
    {
      long: 'format',
      values: ['VERSION'],
      choices: formats,
      summary: 'form of the JSON: 1, 2, 3 or 4 (default 4)',
    },
    { long: 'recursive', short: 'r', summary: 'with all derivations these depend on' },
  ],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, cwd, stdout } = context;
      const { directories } = store.local;
      const drvPaths: string[] = [];
      for (const operand of args.operands) {
        drvPaths.push(
          await derivationOf(store, resolveStoreOperand(operand, { cwd, directories }).storePath),
        );
      }
      const derivations = await readAll(store, drvPaths, args.has('recursive'));
      const version = Number(args.value('format') ?? '4') as 1 | 2 | 3 | 4;
      await stdout.write(`${printJson(derivationsToJson(derivations, version), { indent: 2 })}\n`);
      return 0;
    }),
};

async function derivationOf(store: OpenStore, storePath: string): Promise<string> {
  if (storePath.endsWith('.drv')) return storePath;
  return (await store.local.pathInfo(storePath)).deriver ?? storePath;
}

async function readAll(
  store: OpenStore,
  drvPaths: readonly string[],
  recursive: boolean,
): Promise<Map<string, Derivation>> {
  const derivations = new Map<string, Derivation>();
  const waiting = [...drvPaths];
  for (let drvPath = waiting.shift(); drvPath !== undefined; drvPath = waiting.shift()) {
    if (derivations.has(drvPath)) continue;
    const derivation = await store.local.readDerivation(drvPath);
    derivations.set(drvPath, derivation);
    if (recursive) waiting.push(...derivation.inputDrvs.keys());
  }
  return derivations;
}
