import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { derivation, source } from 'airplant';

// A real code base: the SQLite amalgamation, as it lies in the SQLite package that airplant itself uses.
const sqlitePackage = dirname(createRequire(import.meta.url).resolve('@photostructure/sqlite/package.json'));
const amalgamation = source(join(sqlitePackage, 'src', 'upstream'), {
  name: 'sqlite-amalgamation',
  filter: (path) => /\.[ch]$/.test(path) || path.endsWith('upstream'),
});

export const settings = {
  'extra-sandbox-paths': ['/usr', '/lib?', '/lib64?'],
};

export default derivation({
  name: 'sqlite',
  outputs: ['out', 'dev'],
  builder: '/bin/sh',
  args: [
    '-euc',
    `
    mkdir -p "$out/lib" "$dev/include"
    gcc -O1 -fPIC -DSQLITE_ENABLE_FTS5 -c "$src/sqlite3.c" -o sqlite3.o
    gcc -shared -Wl,-soname,libsqlite3.so.0 -o "$out/lib/libsqlite3.so.0" sqlite3.o -lm
    ln -s libsqlite3.so.0 "$out/lib/libsqlite3.so"
    cp "$src/sqlite3.h" "$src/sqlite3ext.h" "$dev/include/"
    `,
  ],
  PATH: '/usr/bin:/bin',
  src: amalgamation,
});
