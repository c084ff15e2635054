import { printable } from '../../base/quote.js';
import type { Hash } from '../../formats/hash.js';
import { formatHash } from '../../formats/hash.js';
import type { DatabaseProblem } from '../database-check.js';
import { describeCondition } from '../verify-path.js';

/** What verification found out about a store, one thing each. */
export type Finding = FindingKind & {
  /**
   * `error`: something is wrong and still is. `settled`: it was, or a field was empty, and has been put in order.
   * `note`: nothing is wrong with it.
   */
  readonly state: 'error' | 'settled' | 'note';
};

type FindingKind =
  /** A valid path is gone from the disk. `referrers` are the valid paths that refer to it; without any it is forgotten. */
  | { readonly kind: 'missing'; readonly path: string; readonly referrers: readonly string[] }
  /** The hash in the database is another one. */
  | { readonly kind: 'modified'; readonly path: string; readonly expected: Hash; readonly actual: Hash }
  /** It holds what no archive can, or what cannot be read; `why` is the name of the errno. */
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string }
  /** An entry of `.links` on the host is not what its name says; `actual` is undefined if it cannot be read at all. */
  | {
      readonly kind: 'link';
      readonly link: string;
      readonly expected: string;
      readonly actual: string | undefined;
    }
  /** The hash or the size of a path was not in the database. */
  | {
      readonly kind: 'unhashed' | 'unsized';
      readonly path: string;
      readonly narHash: Hash;
      readonly narSize: number;
    }
  /** The database itself is damaged, in the way that `problem` says; `detail` is a sentence. */
  | { readonly kind: 'database'; readonly problem: DatabaseProblem['kind']; readonly detail: string }
  /** Something lies in the store directory, a host path, that is not valid: garbage, or being made. */
  | { readonly kind: 'unregistered'; readonly entry: string };

/** A finding in the words of Nix, where it has any. */
export function describeFinding(finding: Finding): string {
  switch (finding.kind) {
    case 'missing':
      if (finding.state === 'settled') return `path '${finding.path}' disappeared, removing from database...`;
      return finding.referrers.length > 0
        ? `path '${finding.path}' disappeared, but it still has valid referrers!`
        : describeCondition(finding.path, finding);
    case 'modified':
    case 'unreadable':
      return describeCondition(finding.path, finding);
    case 'link': {
      const { link, expected, actual } = finding;
      const found =
        actual === undefined ? 'it cannot be read' : `expected hash '${expected}', got '${actual}'`;
      return `link '${link}' was modified! ${found}${finding.state === 'settled' ? `\nremoved link '${link}'` : ''}`;
    }
    case 'unhashed':
      return `fixing missing hash on '${finding.path}'`;
    case 'unsized':
      return `updating size field on '${finding.path}' to ${finding.narSize}`;
    case 'database':
      // It may quote a row, of any length.
      return `integrity check of the database: ${printable(finding.detail.slice(0, 1000))}`;
    case 'unregistered':
      return `'${finding.entry}' is not registered: it is garbage, or being made`;
  }
}

/** A finding as it is printed as JSON. */
export function findingToJson(finding: Finding): Record<string, unknown> {
  const entries = Object.entries(finding).map(([key, value]) => [
    key,
    isHash(value) ? formatHash(value, 'sri') : value,
  ]);
  return { ...Object.fromEntries(entries), message: describeFinding(finding) };
}

function isHash(value: unknown): value is Hash {
  return typeof value === 'object' && value !== null && 'hex' in value;
}
