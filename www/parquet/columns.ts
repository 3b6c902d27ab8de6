// Which columns of a file are read, and how: checked against the collection before any row is, with Milvus' texts.

import { DEFAULT_DYNAMIC_FIELD, DataType } from '../client/const/index.js';
import type { ImportField, ImportTarget } from '../client/wire/parquet.js';
import { leavesOf, type Leaf } from './leaf.js';
import type { SchemaTree } from './libraries.js';
import { reader, type ReadText } from './nesting.js';
import { Refusal, textOf } from './texts.js';
import { canBecome, isPlain, typeOf, wantedType } from './types.js';

export interface ImportColumn {
  name: string;
  leaves: Leaf[];
  /** JSON text of the next row's value, or null. */
  read: ReadText;
  takesNull: boolean;
}

export function columnsOf(root: SchemaTree, { fields, isDynamic, takesGenerated }: ImportTarget): ImportColumn[] {
  const given = new Map<string, SchemaTree>();
  for (const column of root.children) {
    const { name } = column.element;
    if (given.has(name)) throw new Refusal(`there is multi field with name: ${name}`);
    given.set(name, column);
  }
  const columns: ImportColumn[] = [];
  for (const field of fields) {
    const column = given.get(field.name);
    given.delete(field.name);
    if (column && field.isGenerated && !takesGenerated) throw new Refusal(`the primary key '${field.name}' is auto-generated, no need to provide`);
    if (column) columns.push(fieldColumn(root, column, field));
    else if (!field.nullable && !field.hasDefault && !field.isGenerated) throw new Refusal(`no parquet field for milvus field '${field.name}'`);
  }
  if (!isDynamic) return columns;
  const dynamic = given.get(DEFAULT_DYNAMIC_FIELD);
  if (dynamic) {
    given.delete(DEFAULT_DYNAMIC_FIELD);
    const field = { name: DEFAULT_DYNAMIC_FIELD, type: DataType.JSON, nullable: true, hasDefault: true, isGenerated: false };
    columns.push(fieldColumn(root, dynamic, field));
  }
  for (const column of given.values()) columns.push(importColumn(root, column, undefined, true));
  return columns;
}

function fieldColumn(root: SchemaTree, column: SchemaTree, field: ImportField): ImportColumn {
  const takesNull = (field.nullable ?? false) || field.hasDefault;
  const type = typeOf(column);
  const wanted = wantedType(field);
  if (!canBecome(type, wanted) && !(type === 'null' && takesNull)) {
    throw new Refusal(`schema not equal, err=field '${field.name}' type mis-match, milvus data type '${wanted}', arrow data type get '${type}'`);
  }
  return importColumn(root, column, field, takesNull);
}

function importColumn(root: SchemaTree, column: SchemaTree, field: ImportField | undefined, takesNull: boolean): ImportColumn {
  const { name } = column.element;
  const into = field && (field.type === DataType.FloatVector ? DataType.Float : (field.element ?? field.type));
  const leaves = leavesOf(root, column, leaf => !isPlain(typeOf(leaf)));
  const read = reader(column, leaves, leaf => textOf(typeOf(leaf), into), field !== undefined);
  return { name, leaves, read, takesNull };
}
