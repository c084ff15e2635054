import type { Engine } from './engine.js';

/** The real engine; each part is loaded when a command asks for it. */
export const systemEngine: Engine = {
  async openStore() {
    throw new Error('x');
  },
  async enterStore() {
    throw new Error('x');
  },
  async diagnose() {
    throw new Error('x');
  },
  async removeStore() {
    throw new Error('x');
  },
  async locateStore() {
    throw new Error('x');
  },
  async dumpNar(path, fd) {
    await (await import('../native.js')).native.dumpTree(path, fd);
  },
  async hashTree(path) {
    return (await (await import('../native.js')).native.hashTree(path, [])).hash;
  },
};
