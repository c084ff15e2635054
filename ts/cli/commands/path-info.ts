import { formatHash } from '../../formats/hash.js';
import type { PathInfo } from '../../store/path-info.js';
import type { Command } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import type { OpenStore } from '../engine.js';
import { writeJson } from '../output.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const pathInfoCommand: Command = {
  name: 'path-info',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints what the store knows of paths, one a line; each of --size, --closure-size and --real adds a column.

PATH may be a link such as ./result.`,
  flags: [
    ...storeFlags,
    { long: 'recursive', short: 'r', summary: 'with everything the paths refer to' },
    { long: 'size', short: 's', summary: 'size of the archive (NAR) of each path, in bytes' },
    { long: 'closure-size', short: 'S', summary: 'the same together with everything it refers to' },
    { long: 'real', summary: 'where the path really lies' },
    jsonFlag,
  ],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, cwd, stdout } = context;
      const { directories } = store.local;
      const named = args.operands.map(
        (operand) => resolveStoreOperand(operand, { cwd, directories }).storePath,
      );
      const paths = args.has('recursive') ? await store.local.closure(named) : named;
      const columns = {
        size: args.has('size'),
        closureSize: args.has('closure-size'),
        real: args.has('real'),
      };
      const rows: PathRow[] = [];
      for (const path of paths) rows.push(await describePath(store, path, columns.closureSize));
      if (args.has('json')) await writeJson(stdout, rows.map(toJson));
      else await stdout.write(rows.map((row) => `${rowText(row, columns)}\n`).join(''));
      return 0;
    }),
};

interface PathRow {
  readonly info: PathInfo;
  readonly realPath: string;
  readonly closureSize: number | undefined;
}

async function describePath(store: OpenStore, path: string, withClosure: boolean): Promise<PathRow> {
  const info = await store.local.pathInfo(path);
  const closureSize = withClosure ? await sizeOfClosure(store, path) : undefined;
  return { info, realPath: store.local.realPath(path), closureSize };
}

async function sizeOfClosure(store: OpenStore, path: string): Promise<number> {
  let size = 0;
  for (const other of await store.local.closure([path])) size += (await store.local.pathInfo(other)).narSize;
  return size;
}

function rowText(row: PathRow, columns: { size: boolean; closureSize: boolean; real: boolean }): string {
  const cells: (string | number)[] = [row.info.path];
  if (columns.size) cells.push(row.info.narSize);
  if (columns.closureSize) cells.push(row.closureSize ?? 0);
  if (columns.real) cells.push(row.realPath);
  return cells.join('\t');
}

function toJson({ info, realPath, closureSize }: PathRow): Record<string, unknown> {
  return {
    path: info.path,
    realPath,
    narHash: formatHash(info.narHash, 'sri'),
    narSize: info.narSize,
    ...(closureSize === undefined ? {} : { closureSize }),
    references: info.references,
    deriver: info.deriver ?? null,
    ca: info.contentAddress ?? null,
    registrationTime: info.registrationTime,
    ultimate: info.ultimate,
    signatures: info.signatures,
  };
}
