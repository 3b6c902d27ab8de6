// Words of texts: what is a term, and which words are one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fold, termFrequencies, termsOf } from '../../www/demo/terms.js';

test('words are folded, stop words and single letters are left out', () => {
  assert.deepEqual(termsOf('The Dogs of a well-known HUNTER, e.g. café 1990'), ['dog', 'well', 'known', 'hunter', 'café', '1990']);
  assert.deepEqual(termsOf(''), []);
  assert.deepEqual(termsOf('… of the –'), []);
});

test('forms of a word are one term', () => {
  const families = [
    ['carry', 'carries', 'carried', 'carrying'],
    ['make', 'makes', 'making'],
    ['stop', 'stops', 'stopped', 'stopping'],
    ['box', 'boxes', 'boxed'],
    ['happy', 'happily'],
    ["sailor's", 'sailor', 'sailors', 'sailor’s'],
    ['glass', 'glasses'],
    ['call', 'called', 'calls'],
  ];
  for (const forms of families) assert.equal(new Set(forms.map(fold)).size, 1, `${forms}: ${forms.map(fold)}`);
});

test('words that only look like forms stay apart', () => {
  for (const word of ['bus', 'sing', 'red', 'king', 'bee', 'species', 'analysis']) assert.ok(fold(word).length > 2, word);
  assert.notEqual(fold('ring'), fold('red'));
  assert.notEqual(fold('king'), fold('kiss'));
});

test('a second occurrence counts less than the first', () => {
  const frequencies = termFrequencies('bird of birds of prey');
  assert.deepEqual([...frequencies.keys()], ['bird', 'prey']);
  assert.equal(frequencies.get('prey'), 1);
  assert.ok(frequencies.get('bird') > 1 && frequencies.get('bird') < 2);
});
