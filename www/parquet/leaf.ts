// A place in the values of one column: rows are taken from it whole, and pages are read when the next row is not there yet.

import { convert, DEFAULT_PARSERS, getTreePath, type ColumnMetaData, type SchemaTree } from './libraries.js';
import { ColumnPages, NO_PAGE, type Page } from './pages.js';
import type { Room } from './room.js';

/** No field takes nearly as many: vectors end at 32,768 dimensions, arrays at 4,096 elements and JSON at 64 KB. */
const MAX_ROW_VALUES = 2 ** 20;

/** A row may go on in the pages behind its own. */
interface LoadedPage extends Page {
  next?: LoadedPage;
}

export class Leaf {
  #pages: ColumnPages | undefined;
  #room: Room | undefined;
  #page: LoadedPage = { ...NO_PAGE };
  #lastPage = this.#page;
  #at = 0;
  #valueAt = 0;
  /** Rows that begin at this place or behind it. */
  #begun = 0;
  /** Values of the last of them. */
  #lastLength = 0;

  /** With `logical`, dates, decimals and the like are what they stand for; otherwise values are as they are stored. */
  constructor(
    readonly path: SchemaTree[],
    readonly logical: boolean
  ) {}

  /** Goes to the start of a row group's column. */
  open(file: Blob, column: ColumnMetaData, room: Room): void {
    this.#pages = new ColumnPages(file, column, this, room);
    this.#room = room;
    this.#page = this.#lastPage = { ...NO_PAGE };
    this.#at = this.#valueAt = this.#begun = this.#lastLength = 0;
  }

  /** Whether all of the next row is here. */
  hasRow(): boolean {
    const { maxRepetition, isAtEnd } = this.#pages!;
    return this.#begun > (maxRepetition === 0 || isAtEnd ? 0 : 1);
  }

  async load(): Promise<void> {
    if (this.#at >= this.#page.count) this.#goTo((this.#lastPage = { ...NO_PAGE }));
    const page = await this.#pages!.next();
    if (!page) throw new Error('a column ends before its row group does');
    this.#countRows(page);
    if (this.logical) {
      const { element } = this.path[this.path.length - 1]!;
      page.values = convert(page.values, { element, parsers: DEFAULT_PARSERS, utf8: false, schemaPath: this.path } as never);
    }
    this.#lastPage = this.#lastPage.next = page;
    this.#goOn();
  }

  /** How much of the path is there at this place. */
  get definition(): number {
    const { definitions } = this.#page;
    return definitions ? definitions[this.#at]! : this.#pages!.maxDefinition;
  }

  /** Whether this place goes on with a list that began before it. */
  continues(repetition: number): boolean {
    return this.#page.repetitions?.[this.#at] === repetition;
  }

  /** Past a null or an empty list. */
  skip(): void {
    const { count, repetitions } = this.#page;
    if (!repetitions || repetitions[this.#at] === 0) this.#begun--;
    this.#at++;
    if (this.#at >= count) this.#goOn();
  }

  take(): unknown {
    const value = this.#page.values[this.#valueAt++];
    this.skip();
    return value;
  }

  #countRows({ count, repetitions }: Page): void {
    if (!repetitions) {
      this.#begun += count;
      return;
    }
    for (const repetition of repetitions) {
      if (repetition === 0) {
        this.#begun++;
        this.#lastLength = 0;
      }
      if (++this.#lastLength > MAX_ROW_VALUES) throw new Error('a row has an impossible number of values');
    }
  }

  /** From pages that are read. */
  #goOn(): void {
    while (this.#at >= this.#page.count && this.#page.next) this.#goTo(this.#page.next);
  }

  #goTo(page: LoadedPage): void {
    this.#room?.free(this.#page.bytes);
    this.#page = page;
    this.#at = this.#valueAt = 0;
  }
}

/** The leaves under a column, in the order of the schema. */
export function leavesOf(root: SchemaTree, column: SchemaTree, isLogical: (leaf: SchemaTree) => boolean): Leaf[] {
  if (column.children.length > 0) return column.children.flatMap(child => leavesOf(root, child, isLogical));
  return [new Leaf(getTreePath(root, column.path), isLogical(column))];
}
