import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/** Where a store lives. All paths are absolute and without a trailing slash. */
export interface StoreDirectories {
  /** The logical store directory: part of every store path and so of every hash. */
  readonly storeDir: string;
  /** Where the store paths lie on the host. Equal to `storeDir` unless the store is a chroot store. */
  readonly realStoreDir: string;
  /** Database, locks, roots. */
  readonly stateDir: string;
  /** Build logs, in `drvs/` below it. */
  readonly logDir: string;
  /** Root of a chroot store: what lies above it is the user's own business. */
  readonly root?: string;
}

/** The environment variables that matter here. */
export type StoreEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the directories of a store named as Nix names it:
 *
 * - `auto`: what NIX_REMOTE names; else `local`, if NIX_STORE_DIR says where or /nix/store can be written by the
 *   caller; else the chroot store `$XDG_DATA_HOME/airplant/root`;
 * - an absolute path (or one that starts with `./` or `../`): the chroot store there;
 * - `local`, with the parameters `root`, `store` (logical), `real`, `state` and `log`.
 *
 * NIX_STORE_DIR, NIX_STATE_DIR and NIX_LOG_DIR mean what they mean to Nix, but for one thing: where only
 * NIX_STORE_DIR is given, state and logs are its siblings (`…/store` and `…/var/nix`), and never those of
 * /nix. Nothing is created; the only thing looked at is whether /nix/store can be written.
 * Throws ERR_STORE_OPEN for another kind of store, ERR_SETTING for a directory that is not absolute.
 */
export function resolveStoreDirectories(options: {
  readonly store?: string;
  readonly env: StoreEnvironment;
}): StoreDirectories {
  const { env } = options;
  const store = options.store || 'auto';
  if (store !== 'auto') return named(store, env);
  const remote = env['NIX_REMOTE'];
  if (remote && remote !== 'auto') return named(remote, env);
  if (env['NIX_STORE_DIR'] || isWritable(defaultStoreDir)) return local(new URLSearchParams(), env);
  return chroot(rootlessRoot(env), env);
}

/** The name that stands for these directories, with Nix and with us. */
export function storeUri({ storeDir, realStoreDir, stateDir, logDir }: StoreDirectories): string {
  const parameters = { store: storeDir, real: realStoreDir, state: stateDir, log: logDir };
  const query = Object.entries(parameters).map(
    ([name, path]) => `${name}=${encodeURIComponent(path).replaceAll('%2F', '/')}`,
  );
  return `local?${query.join('&')}`;
}

/** The root of the store that `auto` gives to someone who cannot write /nix/store. */
export function rootlessRoot(env: StoreEnvironment): string {
  const dataHome = env['XDG_DATA_HOME'];
  // The XDG specification says to ignore a relative one.
  if (dataHome && isAbsolute(dataHome)) return join(dataHome, 'airplant', 'root');
  return join(homeDirectory(env), '.local', 'share', 'airplant', 'root');
}

const defaultStoreDir = '/nix/store';

function named(store: string, env: StoreEnvironment): StoreDirectories {
  if (/^\.{0,2}\//.test(store)) return chroot(resolve(store), env);
  if (store === 'local' || store.startsWith('local?'))
    // To Nix a plus sign is a plus sign, not a space.
    return local(new URLSearchParams(store.slice('local?'.length).replaceAll('+', '%2B')), env);
  throw new AirplantError('ERR_STORE_OPEN', `${quote(store)} is not a store on this disk`, {
    hint: 'Give `--store` (or NIX_REMOTE) `auto`, `local`, `local?root=DIR` or the absolute path of a directory.',
    details: { store },
  });
}

function chroot(root: string, env: StoreEnvironment): StoreDirectories {
  return local(new URLSearchParams({ root }), env);
}

const parameters = ['root', 'store', 'real', 'state', 'log'];

function local(query: URLSearchParams, env: StoreEnvironment): StoreDirectories {
  // Other parameters of Nix's (`trusted`, `priority`…) concern the store as a substituter.
  const parameter = new Map(
    parameters.flatMap((name) => {
      const value = query.get(name);
      return value ? [[name, absolute(value, `the store parameter ${name}`)]] : [];
    }),
  );
  const variable = (name: string) => (env[name] ? absolute(env[name], name) : undefined);

  const storeDir = parameter.get('store') ?? variable('NIX_STORE_DIR') ?? defaultStoreDir;
  const root = parameter.get('root');
  if (root !== undefined) {
    return {
      storeDir,
      realStoreDir: parameter.get('real') ?? join(root, 'nix/store'),
      stateDir: parameter.get('state') ?? join(root, 'nix/var/nix'),
      logDir: parameter.get('log') ?? join(root, 'nix/var/log/nix'),
      root,
    };
  }
  return {
    storeDir,
    realStoreDir: parameter.get('real') ?? storeDir,
    stateDir: parameter.get('state') ?? variable('NIX_STATE_DIR') ?? sibling(storeDir, 'var/nix'),
    logDir: parameter.get('log') ?? variable('NIX_LOG_DIR') ?? sibling(storeDir, 'var/log/nix'),
  };
}

/** `/nix/store` has its state in `/nix/var/nix`, and so has `<any>/store` in `<any>/var/nix`. */
function sibling(storeDir: string, below: string): string {
  if (storeDir.endsWith('/store')) return join(dirname(storeDir), below);
  throw new AirplantError(
    'ERR_SETTING',
    `the store directory ${quote(storeDir)} does not end in /store, so its state directory cannot be guessed`,
    { hint: 'Set NIX_STATE_DIR and NIX_LOG_DIR as well.' },
  );
}

function absolute(path: string, what: string): string {
  if (!isAbsolute(path) || path.includes('\0')) {
    throw new AirplantError('ERR_SETTING', `${what} is ${quote(path)}, which is not an absolute path`, {
      details: { path },
    });
  }
  return resolve(path);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function homeDirectory(env: StoreEnvironment): string {
  const home = env['HOME'];
  if (home && isAbsolute(home)) return home;
  try {
    return homedir();
  } catch (cause) {
    throw new AirplantError('ERR_STORE_OPEN', 'there is no home directory to keep a store in', {
      hint: 'Set HOME, or name a store with `--store`.',
      cause,
    });
  }
}
