// A place in the values of one column: rows are taken from it whole, and pages are read when the next row is not there yet.

import { convert, DEFAULT_PARSERS, getTreePath, type ColumnMetaData, type DecodedArray, type SchemaTree } from './libraries.js';
import { ColumnPages, type Page } from './pages.js';

export class Leaf {
  #pages: ColumnPages | undefined;
  #page: Page = { count: 0, values: [] };
  #at = 0;
  #valueAt = 0;
  #rowEnd = 0;

  /** With `logical`, dates, decimals and the like are what they stand for; otherwise values are as they are stored. */
  constructor(
    readonly path: SchemaTree[],
    readonly logical: boolean
  ) {}

  /** Goes to the start of a row group's column. */
  open(file: Blob, column: ColumnMetaData): void {
    this.#pages = new ColumnPages(file, column, this.path);
    this.#page = { count: 0, values: [] };
    this.#at = this.#valueAt = this.#rowEnd = 0;
  }

  /** Whether all of the next row is here. */
  hasRow(): boolean {
    const { count, repetitions } = this.#page;
    if (this.#at >= count) return false;
    let end = Math.max(this.#at + 1, this.#rowEnd);
    if (repetitions) while (end < count && repetitions[end] !== 0) end++;
    this.#rowEnd = end;
    return end < count || !repetitions || this.#pages!.isAtEnd;
  }

  async load(): Promise<void> {
    const page = await this.#pages!.next();
    if (!page) throw new Error('a column ends before its row group does');
    if (this.logical) {
      const { element } = this.path[this.path.length - 1]!;
      page.values = convert(page.values, { element, parsers: DEFAULT_PARSERS, utf8: false, schemaPath: this.path } as never);
    }
    // A row may go on in the next page.
    const isInside = this.#at < this.#page.count;
    const rest = this.#page;
    this.#page = isInside
      ? {
          count: rest.count - this.#at + page.count,
          definitions: join(rest.definitions?.subarray(this.#at), page.definitions) as Uint8Array | undefined,
          repetitions: join(rest.repetitions?.subarray(this.#at), page.repetitions) as Uint8Array | undefined,
          values: join(rest.values.slice(this.#valueAt), page.values)!,
        }
      : page;
    this.#rowEnd = isInside ? this.#rowEnd - this.#at : 0;
    this.#at = this.#valueAt = 0;
  }

  /** How much of the path is there at this place. */
  get definition(): number {
    const { definitions } = this.#page;
    return definitions ? definitions[this.#at]! : this.#pages!.maxDefinition;
  }

  /** Whether this place goes on with a list that began before it. */
  continues(repetition: number): boolean {
    return this.#at < this.#rowEnd && this.#page.repetitions?.[this.#at] === repetition;
  }

  /** Past a null or an empty list. */
  skip(): void {
    this.#at++;
  }

  take(): unknown {
    this.#at++;
    return this.#page.values[this.#valueAt++];
  }
}

/** The leaves under a column, in the order of the schema. */
export function leavesOf(root: SchemaTree, column: SchemaTree, isLogical: (leaf: SchemaTree) => boolean): Leaf[] {
  if (column.children.length > 0) return column.children.flatMap(child => leavesOf(root, child, isLogical));
  return [new Leaf(getTreePath(root, column.path), isLogical(column))];
}

function join(first: DecodedArray | undefined, second: DecodedArray | undefined): DecodedArray | undefined {
  if (!first || !second) return second;
  // A page without values has a list whatever the type of the column.
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  if (Array.isArray(first)) return first.concat(Array.from(second as unknown[]));
  type Constructor = new (length: number) => Uint8Array;
  const joined = new (first.constructor as Constructor)(first.length + second.length);
  joined.set(first as Uint8Array);
  joined.set(second as Uint8Array, first.length);
  return joined;
}
