import { quoteShell } from '../../../base/quote-shell.js';
import { encodeText } from '../../../base/text.js';
import type { Derivation } from '../../../derivation/derivation.js';
import { storePathOf } from '../operand.js';
import { takeNoFlags, takeOneOperand } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { readDerivation } from './read-derivation.js';

/** `--print-env DRV`: the environment and arguments of a builder, for a shell to read. */
export const printEnvironment: Operation = async (call) => {
  takeNoFlags(call);
  const operand = takeOneOperand(call, `'--print-env' requires one derivation store path`);
  const { cwd, stdout } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    const derivation = readDerivation(local, storePathOf(operand, { cwd, directories: local.directories }));
    await stdout.write(encodeText(environmentText(derivation)));
    return 0;
  });
};

function environmentText({ env, args }: Derivation): string {
  const variables = [...env].map(([name, value]) => `export ${name}; ${name}=${quoteShell(value)}\n`);
  // In these quotes the quotes of the arguments end each other, as with Nix.
  return `${variables.join('')}export _args; _args='${args.map(quoteShell).join(' ')}'\n`;
}
