// Bars of the most telling figures, one panel each, on a logarithmic axis.
import { engines } from './engines.mjs';
import { coldOf, medianAt, searchableMs, searchesOf } from './goals.mjs';

const panels = [
  ['search at recall ≥ .95, ms', result => medianAt(searchesOf(result)?.search, 0.95)],
  ['all rows durable and searchable, s', result => searchableMs(result) / 1000],
  ['cold start, ms', coldOf],
  ["browser's memory, loaded, MB", ({ memory }) => memory?.loadedMegabytes],
];

const LABELS = 230;
const BARS = 300;
const VALUES = 70;
const LINE = 20;
const PANEL_GAP = 44;
const colors = { ours: '#b4451f', peer: '#6b7f8e', text: '#1c2226', paper: '#ffffff' };

const escaped = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x, y, content, rest = '') => `<text x="${x}" y="${y}" ${rest}>${escaped(content)}</text>`;

function panel([title, figure], results, top) {
  const bars = results.map(result => ({ ...engines[result.engine], value: figure(result) })).filter(({ value }) => Number.isFinite(value) && value > 0);
  if (bars.length === 0) return { lines: [], height: 0 };
  bars.sort((a, b) => a.value - b.value);
  // A bar of the least value is seen, too.
  const [low, high] = [Math.log(bars[0].value / 2), Math.log(bars.at(-1).value)];
  const lines = [text(0, top, title, 'font-weight="bold"')];
  bars.forEach(({ title: name, value, isOurs }, at) => {
    const y = top + (at + 1) * LINE;
    const width = ((Math.log(value) - low) / (high - low)) * BARS;
    lines.push(
      text(LABELS - 8, y, name, 'text-anchor="end"'),
      `<rect x="${LABELS}" y="${y - 12}" width="${width.toFixed(1)}" height="15" fill="${isOurs ? colors.ours : colors.peer}"/>`,
      text((LABELS + width + 6).toFixed(1), y, String(Number(value.toPrecision(3)))));
  });
  return { lines, height: bars.length * LINE + PANEL_GAP };
}

function bySet(results) {
  const sets = new Map();
  for (const result of results) sets.set(result.set, [...(sets.get(result.set) ?? []), result]);
  return sets;
}

/** Of the set that most engines were measured with; among these the largest. */
export function chart(results) {
  const sets = bySet(results);
  const [name, of] = [...sets].sort(([, a], [, b]) => b.length - a.length || b[0].rows - a[0].rows)[0] ?? ['nothing', []];
  const lines = [text(0, 18, `${name}: the shorter, the better; logarithmic`, 'font-size="15"')];
  let top = 50;
  for (const it of panels) {
    const { lines: more, height } = panel(it, of, top);
    lines.push(...more);
    top += height;
  }
  const width = LABELS + BARS + VALUES;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -6 ${width + 24} ${top}" font-family="sans-serif" font-size="13" fill="${colors.text}">`,
    `<rect x="-12" y="-6" width="100%" height="100%" fill="${colors.paper}"/>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}
