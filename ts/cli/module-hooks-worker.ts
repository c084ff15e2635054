import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { type HookData, loadTypeScript, resolveOwnPackage } from './module-hooks.js';

/** The asynchronous form of module-hooks.ts, which Node before 22.15 runs on a thread of its own. */
let data: HookData = { packageUrl: '' };

export const initialize: InitializeHook<HookData> = (given) => {
  data = given;
};

export const resolve: ResolveHook = (specifier, context, nextResolve) =>
  resolveOwnPackage(specifier, data) ?? nextResolve(specifier, context);

export const load: LoadHook = (url, context, nextLoad) => loadTypeScript(url) ?? nextLoad(url, context);
