/** A line longer than this many characters is handed out in pieces, so that a log without newlines stays bounded. */
export const longestPiece: number = 16 * 1024;

/** A line, or a piece of one that is too long. */
export interface LinePiece {
  readonly text: string;
  /** All of a line, from its beginning to its end. */
  readonly whole: boolean;
}

/**
 * Cuts the text of a terminal into lines, as Nix does with the log of a builder: a newline ends a line, and a carriage
 * return goes back to its beginning, so that what follows overwrites it. How the text comes in chunks makes no
 * difference, as long as no chunk ends inside a character.
 */
export class LineCutter {
  /** The line so far, while nothing of it has been overwritten. */
  #text = '';
  /** The line so far, once something has been: its UTF-16 units, so that going back costs nothing. */
  #cells: Uint16Array | undefined;
  /** Where those lie, in every line anew: a log may be nothing but lines that were overwritten. */
  #space: Uint16Array | undefined;
  #length = 0;
  #column = 0;
  /** The last thing that came was a carriage return. Mostly a newline follows. */
  #returned = false;
  /** A piece of this line has been handed out. */
  #torn = false;

  push(text: string): LinePiece[] {
    const pieces: LinePiece[] = [];
    const stops = /[\r\n]/g;
    for (let at = 0; at < text.length; ) {
      stops.lastIndex = at;
      const end = stops.exec(text)?.index ?? text.length;
      if (end > at) this.#append(text.slice(at, end), pieces);
      if (text[end] === '\n') pieces.push(this.#take());
      else if (text[end] === '\r') this.#returned = true;
      at = end + 1;
    }
    return pieces;
  }

  /** The last line, if it lacks its newline. */
  end(): LinePiece[] {
    const rest = this.#take();
    return rest.text === '' ? [] : [rest];
  }

  /** The line so far. */
  unfinished(): string {
    if (this.#cells === undefined) return this.#text;
    return Buffer.from(this.#cells.buffer, 0, this.#length * 2).toString('utf16le');
  }

  #append(run: string, pieces: LinePiece[]): void {
    if (this.#returned) this.#goBack();
    if (this.#cells !== undefined) this.#overwrite(run, this.#cells, pieces);
    else this.#extend(run, pieces);
  }

  #goBack(): void {
    this.#returned = false;
    if (this.#cells === undefined && this.#text !== '') {
      this.#cells = this.#space ??= new Uint16Array(longestPiece);
      for (let i = 0; i < this.#text.length; i++) this.#cells[i] = this.#text.charCodeAt(i);
      this.#length = this.#text.length;
      this.#text = '';
    }
    this.#column = 0;
  }

  #extend(run: string, pieces: LinePiece[]): void {
    this.#text += run;
    while (this.#text.length > longestPiece) {
      const end = isHighSurrogate(this.#text.charCodeAt(longestPiece - 1)) ? longestPiece - 1 : longestPiece;
      pieces.push(this.#piece(this.#text.slice(0, end)));
      this.#text = this.#text.slice(end);
    }
  }

  #overwrite(run: string, cells: Uint16Array, pieces: LinePiece[]): void {
    for (let i = 0; i < run.length; i++) {
      if (this.#column === longestPiece) {
        pieces.push(this.#piece(this.unfinished()));
        this.#column = 0;
        this.#length = 0;
      }
      cells[this.#column++] = run.charCodeAt(i);
      if (this.#column > this.#length) this.#length = this.#column;
    }
  }

  #piece(text: string): LinePiece {
    this.#torn = true;
    return { text, whole: false };
  }

  #take(): LinePiece {
    const piece = { text: this.unfinished(), whole: !this.#torn };
    this.#text = '';
    this.#cells = undefined;
    this.#returned = false;
    this.#torn = false;
    return piece;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
