import type { DeclaredTest } from './declared-tests.js';

// Stands in for `node:test`: writes down what is declared and runs none of it.

interface Options {
  readonly skip?: boolean | string;
}
type Body = () => unknown;

export const declared: DeclaredTest[] = [];
const suites: { readonly title: string; readonly skip: string | undefined }[] = [];

export function test(title: string, options?: Options | Body): void {
  const titles = [...suites.map((suite) => suite.title), title];
  const skip = suites.map((suite) => suite.skip).find(Boolean) ?? reasonOf(options);
  declared.push({ title: titles.join(' > '), skip });
}

export function describe(title: string, options: Options | Body, body?: Body): void {
  suites.push({ title, skip: reasonOf(options) });
  (typeof options === 'function' ? options : body)?.();
  suites.pop();
}

export function before(): void {}
export function after(): void {}
export function beforeEach(): void {}
export function afterEach(): void {}
export const mock: object = {};

function reasonOf(options: Options | Body | undefined): string | undefined {
  if (typeof options !== 'object' || !options.skip) return undefined;
  return typeof options.skip === 'string' ? options.skip : 'no reason given';
}
