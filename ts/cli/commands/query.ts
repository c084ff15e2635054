import { formatHash } from '../../formats/hash.js';
import { binding } from '../../store/query/binding.js';
import {
  directReferences,
  directReferrers,
  referrersClosure,
  requisites,
} from '../../store/query/closures.js';
import { formatDot, formatGraphml, referenceGraph } from '../../store/query/graph.js';
import type { QueryStore } from '../../store/query/query-store.js';
import { formatTreeLine, referenceTrees } from '../../store/query/tree.js';
import type { CommandGroup } from '../command.js';
import { includeOutputsFlag, type Query, queryCommand } from '../query-command.js';
import { rootLine } from '../root-line.js';

/** A question to which paths are the answer. */
function pathsQuery(
  query: Pick<Query, 'word' | 'description' | 'flags'> & {
    find(store: QueryStore, paths: readonly string[], has: (flag: string) => boolean): readonly string[];
  },
): Query {
  return {
    ...query,
    json: true,
    answer: ({ store, paths, has }) => {
      const found = query.find(store, paths, has);
      return { json: found, text: lines(found) };
    },
  };
}

/** A question that is answered for each path by itself. */
function eachQuery<Answer>(
  query: Pick<Query, 'word' | 'description' | 'ownPaths'> & {
    find(store: QueryStore, path: string): Answer;
    /** A line. */
    format(answer: Answer): string;
  },
): Query {
  return {
    ...query,
    json: true,
    answer: ({ store, paths }) => {
      const answers = paths.map((path) => [path, query.find(store, path)] as const);
      return {
        json: Object.fromEntries(answers),
        text: lines(answers.map(([, answer]) => query.format(answer))),
      };
    },
  };
}

const queries: readonly Query[] = [
  pathsQuery({
    word: 'outputs',
    description: 'Prints the output paths of derivations, made or not.',
    find: (_, paths) => paths,
  }),
  pathsQuery({
    word: 'references',
    description: 'Prints what paths refer to directly, references first.',
    find: directReferences,
  }),
  pathsQuery({
    word: 'requisites',
    description: `Prints paths and everything they refer to over any distance, references first.

With \`--include-outputs\` derivations bring in their valid outputs, and what those refer to.`,
    flags: [includeOutputsFlag],
    find: (store, paths, has) => requisites(store, paths, { includeOutputs: has('include-outputs') }),
  }),
  pathsQuery({
    word: 'referrers',
    description: 'Prints the valid paths that refer directly to paths, references first.',
    find: directReferrers,
  }),
  pathsQuery({
    word: 'referrers-closure',
    description: 'Prints paths and everything that refers to them over any distance, references first.',
    find: (store, paths) => referrersClosure(store, paths),
  }),
  eachQuery({
    word: 'deriver',
    description: 'Prints the derivation that is recorded as the maker of each path, or `unknown-deriver`.',
    ownPaths: true,
    find: (store, path) => store.pathInfo(path).deriver ?? null,
    format: (deriver) => deriver ?? 'unknown-deriver',
  }),
  pathsQuery({
    word: 'valid-derivers',
    description: 'Prints the derivations in the store that have any of the paths as an output.',
    find: (store, paths) => [...new Set(paths.flatMap((path) => store.validDerivers(path)))],
  }),
  eachQuery({
    word: 'hash',
    description: 'Prints the registered hash of the archive (NAR) of each path.',
    find: (store, path) => formatHash(store.pathInfo(path).narHash, 'base32'),
    format: (hash) => hash,
  }),
  eachQuery({
    word: 'size',
    description: 'Prints the registered size of the archive (NAR) of each path, in bytes.',
    find: (store, path) => store.pathInfo(path).narSize,
    format: String,
  }),
  {
    word: 'roots',
    description: `Prints the roots that keep paths from being collected, as \`LINK -> PATH\`.

Roots that do so only by the settings \`keep-outputs\` and \`keep-derivations\` are among them.`,
    json: true,
    answer: async ({ store, paths }) => {
      const roots = await store.findHolders(paths, { asNixQuery: true });
      return { json: roots, text: roots.map(rootLine) };
    },
  },
  {
    word: 'binding',
    operands: ['NAME'],
    description: `Prints a variable of the environment of derivations.

A path that is no derivation stands for the one recorded as its maker.`,
    ownPaths: true,
    json: true,
    answer: ({ store, paths, operands: [name] }) => {
      const values = paths.map((path) => [path, binding(store, path, name!)] as const);
      return { json: Object.fromEntries(values), text: lines(values.map(([, value]) => value)) };
    },
  },
  {
    word: 'tree',
    description: `Prints what each path refers to as a tree, as \`nix-store --query --tree\` does.

What has been printed before is marked with \`[...]\`, and what is below it not repeated.`,
    ownPaths: true,
    answer: ({ store, paths }) => ({ text: map(referenceTrees(store, paths), formatTreeLine) }),
  },
  {
    word: 'graph',
    description: 'Prints what paths refer to as a graph for the `dot` program of graphviz.',
    answer: ({ store, paths }) => ({ text: formatDot(referenceGraph(store, paths)) }),
  },
  {
    word: 'graphml',
    description: 'Prints what paths refer to as a graph in GraphML.',
    answer: ({ store, paths }) => ({ text: formatGraphml(referenceGraph(store, paths)) }),
  },
];

export const queryCommands: CommandGroup = { name: 'query', commands: queries.map(queryCommand) };

function lines(texts: readonly string[]): Iterable<string> {
  return map(texts, (text) => `${text}\n`);
}

function* map<Item>(items: Iterable<Item>, text: (item: Item) => string): Generator<string> {
  for (const item of items) yield text(item);
}
