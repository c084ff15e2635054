import { findSetting } from '../../config/load.js';
import { plainText } from '../../report/messages.js';
import type { FlagOccurrence } from '../arguments.js';
import { isNixSetting } from './nix-settings.js';
import { failure } from './usage.js';

/** The forms of a report that `--log-format` names, as `--progress` and `--print-build-logs` say them. */
const logFormats: Readonly<Record<string, { readonly style: string; readonly logs: boolean }>> = {
  raw: { style: 'plain', logs: false },
  'raw-with-logs': { style: 'plain', logs: true },
  'internal-json': { style: 'nix-json', logs: true },
  bar: { style: 'auto', logs: false },
  'bar-with-logs': { style: 'auto', logs: true },
};

/** What flags that all classic programs share come to. */
export class GlobalOptions {
  /** As words of nix-instantiate: what it makes of them is its own business. */
  readonly forEvaluation: string[] = [];
  readonly warnings: string[] = [];
  gcWarning = true;
  readonly #settings: FlagOccurrence[] = [];
  #format = logFormats['raw-with-logs']!;
  #verbosity = 3;

  /** 3 is Nix's default, less says less. */
  get verbosity(): number {
    return this.#verbosity;
  }

  /** `flag`: as evaluation is told. */
  setVerbosity(verbosity: number, flag: '--verbose' | '--quiet' | '--debug'): void {
    this.#verbosity = verbosity;
    this.forEvaluation.push(flag);
  }

  /**
   * A setting by any name that Nix knows. One that nobody knows is a warning, as in Nix: a newer one may have written
   * the command line.
   */
  set(name: string, value: string): void {
    if (findSetting(name)) this.#settings.push({ name: 'option', on: true, values: [name, value] });
    if (isNixSetting(name)) this.forEvaluation.push('--option', name, value);
    else if (!findSetting(name)) this.warnings.push(`unknown setting '${plainText(name)}'`);
  }

  /** The store that is meant. Evaluation is told where it lies, not what it is called. */
  setStore(store: string): void {
    this.#settings.push({ name: 'store', on: true, values: [store] });
  }

  /** Throws in Nix's words for a format that it does not have. */
  setLogFormat(format: string): void {
    const found = Object.hasOwn(logFormats, format) ? logFormats[format] : undefined;
    if (!found)
      throw failure('ERR_SETTING', `option 'log-format' has an invalid value '${plainText(format)}'`);
    this.#format = found;
    this.forEvaluation.push('--log-format', format);
  }

  /** The same in flags of airplant's own commands. */
  get occurrences(): readonly FlagOccurrence[] {
    const { style, logs } = this.#format;
    return [
      ...this.#settings,
      { name: 'progress', on: true, values: [this.verbosity < 3 ? 'quiet' : style] },
      { name: 'print-build-logs', on: logs, values: [] },
    ];
  }
}
