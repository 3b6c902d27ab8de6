// Answers as JSON, which carries them from the page; int64 values are text in both clients.

/** JSON has no sign of zero, and would make null of what is not finite. */
const isLost = value => typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value));

export function toJson(answer) {
  return JSON.stringify(answer, (_, value) => {
    if (isLost(value)) return { $number: Object.is(value, -0) ? '-0' : String(value) };
    if (typeof value === 'bigint') return String(value);
    return ArrayBuffer.isView(value) ? [...value] : value;
  });
}

export const fromJson = text => JSON.parse(text, (_, value) => (value?.$number === undefined ? value : Number(value.$number)));
