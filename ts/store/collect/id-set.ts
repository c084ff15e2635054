/** A set of ids (whole numbers from 1 on, most of them used): a bit for each. */
export class IdSet {
  #bits = new Uint8Array(1024);

  has(id: number): boolean {
    return ((this.#bits[id >>> 3] ?? 0) & (1 << (id & 7))) !== 0;
  }

  /** False if it was there already. */
  add(id: number): boolean {
    if (this.has(id)) return false;
    const index = id >>> 3;
    if (index >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(index + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[index]! |= 1 << (id & 7);
    return true;
  }
}
