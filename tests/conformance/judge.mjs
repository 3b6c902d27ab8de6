// Compares all steps of a case with a recording, and the table of intended differences with both.
import { difference } from './compare.mjs';

const startsLoad = new Set(['loadCollectionAsync', 'loadPartitions', 'refreshLoad']);
const endsLoad = new Set(['loadCollection', 'loadCollectionSync', 'loadPartitionsSync', 'releaseCollection', 'releasePartitions', '@poll']);

/** Answers by where they are: a filter, or a method with its number among the case's calls of that method. */
function answersOf(observed) {
  const answers = new Map();
  const numbers = new Map();
  let isLoading = false;
  for (const { step, method = step[0], results, distinct, ...answer } of observed) {
    if (method === '@wait' || method === '@put') continue;
    if (method === '@exprs') {
      for (const [filter, result] of Object.entries(results)) answers.set(filter, result);
      continue;
    }
    const number = (numbers.get(method) ?? 0) + 1;
    numbers.set(method, number);
    // Of a poll only how it ended: how often the state changes before is a matter of time.
    const value = distinct ? cleaned(distinct.at(-1)) : answer;
    answers.set(`${method} ${number}`, isLoading ? settled(value) : value);
    if (startsLoad.has(method)) isLoading = true;
    if (endsLoad.has(method)) isLoading = false;
  }
  return answers;
}

/** An import that failed is cleaned before long, which 2.3.5 did later. */
const cleaned = answer => JSON.parse(JSON.stringify(answer).replaceAll('"ImportFailedAndCleaned"', '"ImportFailed"'));

/** Right after a load that nobody waited for, Loading and Loaded say the same, and so does any progress. */
function settled(answer) {
  const text = JSON.stringify(answer).replaceAll('"LoadStateLoading"', '"LoadStateLoaded"');
  return JSON.parse(text.replace(/"progress":"\d+"/, '"progress":"100"'));
}

const shows = (answer, ours) => (Array.isArray(ours) ? JSON.stringify(answer) === JSON.stringify(ours) : JSON.stringify(answer).includes(ours));

/** What is wrong with one answer, or undefined. */
function verdict(expected, answer, line) {
  const found = difference(expected, answer);
  if (!line) return found;
  if (!found) return 'is as recorded: take its line out of the table';
  return shows(answer, line.ours) ? undefined : `the table says ${JSON.stringify(line.ours)}, got ${JSON.stringify(answer)}`;
}

/** One text for each thing that is wrong; `recorded` answers the observations that count for where something is. */
export function judge(observed, recorded, intended) {
  const broken = observed.find(step => step.fixture_failed);
  if (broken) return [`the fixture failed: ${JSON.stringify(broken)}`];
  const answers = answersOf(observed);
  const wholeCase = intended.find(line => line.at === '*');
  if (wholeCase) return shows([...answers.values()], wholeCase.ours) ? [] : [`the table says ${wholeCase.ours} for the whole case`];
  const lines = new Map(intended.map(line => [line.at, line]));
  const wrong = [];
  for (const at of new Set([...answers.keys(), ...lines.keys()])) {
    const expected = answersOf(recorded(at));
    const reason = !answers.has(at)
      ? 'in the table, but not in the case'
      : expected.has(at)
        ? verdict(expected.get(at), answers.get(at), lines.get(at))
        : 'was not recorded';
    if (reason) wrong.push(`${at}\n    ${reason}`);
  }
  for (const at of answersOf(recorded('')).keys()) if (!answers.has(at)) wrong.push(`${at}\n    was recorded, but is not there`);
  return wrong;
}
