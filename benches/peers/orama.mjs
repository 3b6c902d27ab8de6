// What the bench uses of Orama, to be bundled.
export { create, insertMultiple, load, save, search } from '@orama/orama';
