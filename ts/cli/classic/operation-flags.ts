import { plainText } from '../../report/messages.js';
import type { OperationCall } from './operations.js';
import { usage } from './usage.js';

/** The flags of an operation that takes these. Throws for another one. */
export function takeFlags({ flags }: OperationCall, known: readonly string[]): ReadonlySet<string> {
  for (const flag of flags) if (!known.includes(flag)) throw usage(`unknown flag '${plainText(flag)}'`);
  return new Set(flags);
}

/** Throws if there is any flag; `message` is what Nix says of that. */
export function takeNoFlags({ flags }: OperationCall, message = 'unknown flag'): void {
  if (flags.length > 0) throw usage(message);
}

export function takeNoOperands({ operands }: OperationCall): void {
  if (operands.length > 0) throw usage('no arguments expected');
}

/** The operand of an operation that takes exactly one; `message` is what Nix says of more or less. */
export function takeOneOperand({ operands }: OperationCall, message = 'only one argument allowed'): string {
  if (operands.length !== 1) throw usage(message);
  return operands[0]!;
}
