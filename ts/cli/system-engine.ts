import type { Engine } from './engine.js';

/** The real engine; each part is loaded when a command asks for it. */
export const systemEngine: Engine = {
  async openStore(options) {
    return await (await import('../open.js')).openConfigured(options);
  },
  async openWholeStore(options) {
    return await (await import('../open.js')).openConfigured(options);
  },
  async enterStore(options) {
    return await (await import('./enter-store.js')).enterStore(options);
  },
  async withTerminal(use) {
    return await (await import('./with-terminal.js')).withTerminal(use);
  },
  async diagnose() {
    return await (await import('../sandbox/run-doctor.js')).runDoctor();
  },
  async requireRemovable(directories) {
    (await import('../store/remove-store.js')).requireRemovable(directories);
  },
  async removeStore(directories) {
    await (await import('../store/remove-store.js')).removeStore(directories);
  },
  async locateStore(store, env) {
    return (await import('../store/directories.js')).resolveStoreDirectories({ store, env });
  },
  async dumpNar(path, fd, options) {
    await (await import('../native.js')).native.dumpTree(path, fd, options);
  },
  async hashTree(path, options) {
    return (await (await import('../native.js')).native.hashTree(path, [], options)).hash;
  },
};
