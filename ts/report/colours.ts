type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

const codes: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** Puts a colour around text of our own, or not. */
export type Paint = (colour: Colour, text: string) => string;

export function painter(colours: boolean): Paint {
  return (colour, text) => (colours ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text);
}

/**
 * Whether to use colours on a stream: FORCE_COLOR decides if set (`0` and `false` are no), then a NO_COLOR that is
 * not empty says no (no-color.org), and otherwise a terminal that is not dumb gets them.
 */
export function wantsColours(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
