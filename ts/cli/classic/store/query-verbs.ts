import type { QueryCall } from './query-call.js';

/** A verb of `--query` by the flags that ask for it. */
export interface Query {
  readonly names: readonly string[];
  load(): Promise<(call: QueryCall) => Promise<void>>;
}

/** The first is what is asked if no flag says what. */
export const queries: readonly Query[] = [
  { names: ['--outputs'], load: async () => (await import('./query-facts.js')).printOutputs },
  {
    names: ['--requisites', '-R'],
    load: async () => (await import('./query-relatives.js')).printRequisites,
  },
  { names: ['--references'], load: async () => (await import('./query-relatives.js')).printReferences },
  {
    names: ['--referrers', '--referers'],
    load: async () => (await import('./query-relatives.js')).printReferrers,
  },
  {
    names: ['--referrers-closure', '--referers-closure'],
    load: async () => (await import('./query-relatives.js')).printReferrersClosure,
  },
  { names: ['--deriver', '-d'], load: async () => (await import('./query-facts.js')).printDerivers },
  { names: ['--binding', '-b'], load: async () => (await import('./query-facts.js')).printBindings },
  { names: ['--hash'], load: async () => (await import('./query-facts.js')).printHashes },
  { names: ['--size'], load: async () => (await import('./query-facts.js')).printSizes },
  { names: ['--tree'], load: async () => (await import('./query-graphs.js')).printTree },
  { names: ['--graph'], load: async () => (await import('./query-graphs.js')).printGraph },
  { names: ['--graphml'], load: async () => (await import('./query-graphs.js')).printGraphml },
  { names: ['--roots'], load: async () => (await import('./query-relatives.js')).printRoots },
  {
    names: ['--valid-derivers'],
    load: async () => (await import('./query-facts.js')).printValidDerivers,
  },
  { names: ['--resolve'], load: async () => (await import('./query-facts.js')).printResolved },
];
