// Values of any nesting as JSON text, put together from the places of the leaves: structs and maps are objects.

import type { Leaf } from './leaf.js';
import { isMapLike, type SchemaTree } from './libraries.js';
import { listElement } from './types.js';
import { Refusal } from './texts.js';

/** Null for null. */
export type ReadText = () => string | null;

/**
 * Reads the values of a column from its leaves, a row with each call. `textOf` chooses how the values of a leaf are written;
 * a field's list may not have nulls in it.
 */
export function reader(column: SchemaTree, leaves: Leaf[], textOf: (leaf: SchemaTree) => (value: unknown) => string, isField: boolean): ReadText {
  let used = 0;

  const node = (tree: SchemaTree, definition: number, repetition: number): ReadText => {
    const { repetition_type } = tree.element;
    if (repetition_type === 'REPEATED') return repeated(tree, definition + 1, repetition + 1, content);
    if (repetition_type !== 'OPTIONAL') return content(tree, definition, repetition);
    return orNull(definition + 1, () => content(tree, definition + 1, repetition));
  };

  const content = (tree: SchemaTree, definition: number, repetition: number): ReadText => {
    if (tree.children.length === 0) {
      const leaf = leaves[used++]!;
      const text = textOf(tree);
      return () => text(leaf.take());
    }
    const element = listElement(tree);
    const inner = tree.children[0]!;
    if (element) {
      // Between list and element is a repeated group, or the element itself is what is repeated.
      return repeated(element, definition + 1, repetition + 1, element === inner ? content : node);
    }
    return isMapLike(tree) ? map(inner, definition + 1, repetition + 1) : struct(tree, definition, repetition);
  };

  const orNull = (definition: number, build: () => ReadText): ReadText => {
    const first = used;
    const read = build();
    const beneath = leaves.slice(first, used);
    return () => {
      if (beneath[0]!.definition >= definition) return read();
      for (const leaf of beneath) leaf.skip();
      return null;
    };
  };

  const repeatedly = (definition: number, repetition: number, build: () => () => string, [open, close]: string): ReadText => {
    const first = used;
    const item = build();
    const beneath = leaves.slice(first, used);
    const head = beneath[0]!;
    return () => {
      if (head.definition < definition) {
        for (const leaf of beneath) leaf.skip();
        return open! + close!;
      }
      let text = open! + item();
      while (head.continues(repetition)) text += `,${item()}`;
      return text + close!;
    };
  };

  const repeated = (tree: SchemaTree, definition: number, repetition: number, build: typeof content): ReadText =>
    repeatedly(
      definition,
      repetition,
      () => {
        const read = build(tree, definition, repetition);
        return () => {
          const text = read();
          if (text === null && isField) throw new Refusal('an element is null');
          return text ?? 'null';
        };
      },
      '[]'
    );

  const map = (entry: SchemaTree, definition: number, repetition: number): ReadText =>
    repeatedly(
      definition,
      repetition,
      () => {
        const [key, value] = entry.children.map(child => node(child, definition, repetition));
        return () => {
          const name = key!() ?? 'null';
          return `${name.startsWith('"') ? name : JSON.stringify(name)}:${value!() ?? 'null'}`;
        };
      },
      '{}'
    );

  const struct = (tree: SchemaTree, definition: number, repetition: number): ReadText => {
    const members = tree.children.map(child => {
      const read = node(child, definition, repetition);
      const key = JSON.stringify(child.element.name);
      return () => `${key}:${read() ?? 'null'}`;
    });
    return () => `{${members.map(member => member()).join(',')}}`;
  };

  return node(column, 0, 0);
}
