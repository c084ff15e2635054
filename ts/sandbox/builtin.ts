/** Builders that are a part of airplant: the launcher runs them in the place of a program, inside the sandbox. */
export const builtinBuilders: readonly string[] = ['builtin:buildenv', 'builtin:unpack-channel'];

/** True for the builder of a derivation or request that is one of them. */
export function isBuiltinBuilder(builder: string): boolean {
  return builtinBuilders.includes(builder);
}
