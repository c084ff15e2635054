/** Nobody reads the results any more (`airplant nar dump . | head`): what SIGPIPE would have said. */
export function isBrokenPipe(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' && syscall === 'write';
}
