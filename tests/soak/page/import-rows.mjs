// The rows that imports are tried with, as values and as text: all that is in one follows from its number. Known to pages and to
// the server of their sources.

export const dim = 256;

/** Exact as float32, with as many digits as vectors usually have. */
const values = Array.from({ length: 2003 }, (_, at) => (at - 1001) / 8192);
const texts = values.map(String);
const placeOf = (number, place) => (number * 31 + place * place * 17 + ((number * place) % 7)) % values.length;
const vectorAs = (from, number) => Array.from({ length: dim }, (_, place) => from[placeOf(number, place)]);

export const vectorOf = number => vectorAs(values, number);

/** The key of a row of which none is generated. */
export const keyOf = number => number + 7;

export const fileKinds = {
  jsonl: {
    head: () => '',
    row(number, hasKey) {
      const key = hasKey ? `"id":${keyOf(number)},` : '';
      return `{${key}"number":${number},"v":[${vectorAs(texts, number).join()}]}\n`;
    },
  },
  csv: {
    head: hasKey => `${hasKey ? 'id,' : ''}number,v\n`,
    row: (number, hasKey) => `${hasKey ? `${keyOf(number)},` : ''}${number},"[${vectorAs(texts, number).join()}]"\n`,
  },
};
