import { readFileSync } from 'node:fs';
import { fixture } from './nix.js';

/** A line of Nix's `--log-format internal-json`. */
export interface NixLine {
  readonly action: string;
  /** Counted from the first of its stream. */
  readonly id?: number;
  readonly type?: number;
  readonly level?: number;
  readonly text?: string;
  readonly fields?: readonly (number | string)[];
  readonly msg?: string;
  readonly [key: string]: unknown;
}

/**
 * What Nix 2.8 wrote: test/fixtures/report/nix-2.8-NAME.txt, recorded with `nix-store --realise --log-format
 * internal-json`; ids counted from 0, store and hook below `/`.
 */
export function recorded(name: string): NixLine[] {
  return parseNixLines(readFileSync(fixture(`report/nix-2.8-${name}.txt`), 'utf8'));
}

/** `parent` is left out where it is 0: Nix 2.8 tells none. */
export function parseNixLines(text: string): NixLine[] {
  const lines: NixLine[] = [];
  let first: bigint | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    if (!line.startsWith('@nix ')) throw new Error(`not a line of internal-json: ${line}`);
    const exact = /"id":(\d+)/.exec(line)?.[1];
    const { id, parent, ...rest } = JSON.parse(line.slice('@nix '.length));
    if (exact !== undefined) first ??= BigInt(exact);
    const counted = (number: string) => Number(BigInt(number) - first!);
    const above = /"parent":(\d+)/.exec(line)?.[1];
    lines.push({
      ...rest,
      ...(id === undefined ? {} : { id: counted(exact!) }),
      ...(parent === undefined || parent === 0 ? {} : { parent: counted(above!) }),
    });
  }
  return lines;
}
