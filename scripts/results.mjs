// Tables of results that are committed beside what measured them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from './browser.mjs';
import { output, root } from './run.mjs';

const row = cells => `| ${cells.join(' | ')} |`;

/** `columns` are titles, each with a function of a result; `file` is relative to the project. */
export function writeResults(file, { title, text, columns, results }) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lines = [
    `# ${title}`,
    '',
    `elanus ${version} (${output('git', ['rev-parse', '--short', 'HEAD'])}), ${output(findChromium(), ['--version'])}, ${new Date().toISOString().slice(0, 10)}.`,
    ...text,
    '',
    row(columns.map(([name]) => name)),
    row(columns.map(() => '---')),
    ...results.map(result => row(columns.map(([, cell]) => cell(result)))),
    '',
  ];
  writeFileSync(join(root, file), lines.join('\n'));
  console.log(lines.slice(-results.length - 3).join('\n'));
}
