/** One mount of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly type: string;
}

/** Reads the text of a mountinfo file. Lines that are not as expected are left out. */
export function parseMountInfo(text: string): MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    // Optional fields come between the sixth and a lone hyphen.
    const hyphen = fields.indexOf('-', 6);
    const [mountPoint, options, type] = [fields[4], fields[5], fields[hyphen + 1]];
    if (hyphen < 0 || mountPoint === undefined || options === undefined || type === undefined) return [];
    return [{ mountPoint: unescapeOctal(mountPoint), options: options.split(','), type }];
  });
}

/** Space, tab, newline and backslash are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
