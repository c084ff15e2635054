/** A path in the seatbelt profile language: itself only, or with all below it. */
export interface PathFilter {
  readonly path: string;
  readonly filter: 'literal' | 'subpath';
}

/**
 * `(allow operations (literal "…") (subpath "…") …)`, in as many forms as it takes to keep each below 16 KiB: the
 * interpreter in macOS takes at most 64 KiB at once. No paths make no form, since one without filters would allow
 * the operations everywhere.
 */
export function allowForms(operations: string, paths: readonly PathFilter[]): string {
  const forms: string[] = [];
  let lines = '';
  let size = 0;
  const finish = () => {
    if (lines !== '') forms.push(`(allow ${operations}${lines})\n`);
    lines = '';
    size = 0;
  };
  for (const { filter, path } of paths) {
    const line = `\n  (${filter} ${quoteSbpl(path)})`;
    const lineSize = Buffer.byteLength(line);
    if (size + lineSize > maxFormSize) finish();
    lines += line;
    size += lineSize;
  }
  finish();
  return forms.join('');
}

/** A string literal: quotes and backslashes escaped, control characters as `\xNN`. */
export function quoteSbpl(text: string): string {
  const escaped = text
    .replace(/["\\]/g, '\\$&')
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}

const maxFormSize = 16 * 1024 - 256;
