import { posix } from 'node:path';
import type { Attempt } from '../records.js';
import type { Tried } from './attempt-log.js';
import type { Surroundings } from './classify.js';
import type { Culprit, CulpritKind } from './culprit.js';
import { type Advice, adviceFor, type HostFacts } from './cures.js';
import { collectThings, type Thing } from './things.js';

/** What an observed build came to. */
export interface Observed {
  /** In the order of the last time. */
  readonly tried: readonly Tried[];
  readonly outcome: Attempt['outcome'];
  readonly lastLines: readonly string[];
}

/** Most likely culprit first, and how many there are besides. */
export interface Ranking {
  readonly culprits: readonly Culprit[];
  readonly more: number;
}

/**
 * What a failed build missed, most likely culprit first. It only ever says what was missing; `likely` are those that
 * the failure may well come from: the builder's last words name it, or it was among the last things tried and is of a kind
 * that programs do not do without. Pure but for `host`, which is asked only of the first: the names are the builder's choice,
 * and so is how many there are.
 */
export async function rankCulprits(
  observed: Observed,
  surroundings: Surroundings,
  host: HostFacts,
): Promise<Ranking> {
  const things = collectThings(observed.tried, surroundings);
  // Last first.
  const order = things.filter(({ noise }) => !noise).sort((a, b) => b.last - a.last);
  const positions = new Map(order.map((thing, position) => [thing, position]));
  const missed = new Set(things.map(({ name }) => name));
  const candidates = things
    .map((thing) => ({ thing, score: scoreOf(thing, observed, positions.get(thing)) }))
    .filter(({ thing, score }) => !thing.noise || score >= likelyScore)
    .sort(byScore);
  const advised: (Candidate & { readonly advice: Advice })[] = [];
  for (const { thing, score } of candidates.slice(0, mostAdvised)) {
    const advice = await adviceFor(thing, host, missed);
    const bonus = advice.onHost && !thing.noise ? onHostScore : 0;
    advised.push({ thing, score: score + bonus, advice });
  }
  const culprits = advised
    .sort(byScore)
    .slice(0, mostCulprits)
    .map(({ thing, advice, score }) => describe(thing, advice, score >= likelyScore));
  return { culprits, more: candidates.length - culprits.length };
}

interface Candidate {
  readonly thing: Thing;
  readonly score: number;
}

function byScore(a: Candidate, b: Candidate): number {
  return b.score - a.score || b.thing.last - a.thing.last;
}

const mostCulprits = 20;

/** Those that come next may yet get ahead, being on this machine. */
const mostAdvised = 3 * mostCulprits;

const onHostScore = 5;

const likelyScore = 70;

/** How much a program depends on things of a kind, as a rule. */
const weights: Readonly<Record<CulpritKind, number>> = {
  interpreter: 70,
  loader: 70,
  'undeclared-input': 55,
  library: 45,
  program: 35,
  header: 40,
  network: 40,
  device: 25,
  home: 25,
  write: 25,
  file: 20,
  'kernel-file': 20,
  socket: 10,
  'build-file': 0,
  'not-in-input': 0,
};

/** All but what this machine adds. `position`: from the end, among what is no noise. */
function scoreOf(thing: Thing, { outcome, lastLines }: Observed, position = 0): number {
  const { kind, attempts, noise } = thing;
  const mentioned = isMentioned(thing, lastLines);
  let score = weights[kind];
  if (mentioned) score += 60;
  // Not even by being the last.
  if (noise) return mentioned ? score : 0;
  // The first five from the end.
  score += Math.max(0, 40 - 8 * position);
  if (attempts.some(({ intent }) => intent !== 'look')) score += 10;
  const status = outcome.kind === 'exited' ? outcome.status : undefined;
  const notFound = status === 127 || status === 126;
  if (notFound && ['program', 'interpreter', 'loader', 'library'].includes(kind)) score += 20;
  return score;
}

/** The last lines name it: by its whole path, or by its name as a word. */
function isMentioned({ kind, name, attempts }: Thing, lines: readonly string[]): boolean {
  const text = lines.join('\n');
  if (kind === 'network') return /resolv|resolution|unreachable|unknown host|getaddrinfo|network/i.test(text);
  const paths = [name, ...attempts.map(({ path }) => path)].filter((path) => path.startsWith('/'));
  if (paths.some((path) => holdsWord(text, path))) return true;
  return holdsWord(text, posix.basename(name));
}

function holdsWord(text: string, word: string): boolean {
  if (word.length < 2) return false;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    // A full stop ends a sentence, or goes on with a name.
    const goesOn = /^(?:[\w/-]|\.\w)/.test(text.slice(at + word.length, at + word.length + 2));
    if (!goesOn && !/[\w/-]/.test(text.charAt(at - 1))) return true;
  }
  return false;
}

function describe({ kind, name, attempts }: Thing, advice: Advice, likely: boolean): Culprit {
  const { what, cure, setting } = advice;
  const tried = [...new Set(attempts.map(({ path }) => path))];
  return {
    kind,
    path: nameOf({ kind, name }, tried),
    what,
    cure,
    ...(setting ? { setting } : {}),
    likely,
    count: attempts.reduce((sum, { count }) => sum + count, 0),
    tried: tried.length > 1 ? tried.slice(-8) : [],
  };
}

/** What is looked for in one directory after the other goes by its bare name. */
function nameOf({ kind, name }: Pick<Thing, 'kind' | 'name'>, tried: readonly string[]): string {
  return kind === 'program' && tried.length === 1 ? tried[0]! : name;
}
