import type { LocalStore } from '../local-store.js';

/** What questions about a store are answered from: a `LocalStore`, or something small in its place. */
export type QueryStore = Pick<
  LocalStore,
  | 'directories'
  | 'isValid'
  | 'pathInfo'
  | 'references'
  | 'referrers'
  | 'closure'
  | 'topologicalSort'
  | 'derivationOutputs'
  | 'validDerivers'
  | 'readDerivation'
>;
