// Text to terms: the same for the definitions when their vectors are made and for what is typed into the page.

const STOP_WORDS = new Set(
  `a about also among an and any are as at be been being between but by can cannot could did do does done each either especially
  etc for from had has have having he her his how i if in into is it its itself may might more most must no nor not of on one or
  other others our own she should so some something somebody someone such than that the their them themselves then there these
  they this those through to too usually very was we were what when where whether which while who whom whose will with within
  without would you your`.split(/\s+/));

const WORD = /[\p{L}\p{N}]+(?:['’]\p{L}+)?/gu;

/** Takes endings off, so that `carry`, `carries`, `carried` and `carrying` are one term; what is left need not be a word. */
export function fold(word) {
  let stem = word.replace(/['’].*$/u, '');
  if (stem.length > 4 && stem.endsWith('ies')) stem = `${stem.slice(0, -3)}y`;
  else if (stem.length > 4 && /(?:[sxz]|[cs]h)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (stem.length > 3 && /[^sui]s$/.test(stem)) stem = stem.slice(0, -1);

  if (stem.length > 4 && stem.endsWith('ied')) stem = `${stem.slice(0, -3)}y`;
  else if (stem.length > 5 && stem.endsWith('ly')) stem = stem.slice(0, -2);
  else {
    const verb = stem.match(/^(.*[aeiouy].*)(?:ed|ing)$/)?.[1];
    if (verb?.length > 2) stem = verb.replace(/([^aeiouylsz])\1$/, '$1');
  }
  if (stem.length > 3 && stem.endsWith('e')) stem = stem.slice(0, -1);
  return stem.replace(/(?<=..[^aeiou])y$/, 'i');
}

export function termsOf(text) {
  const words = text.toLowerCase().match(WORD) ?? [];
  return words.filter(word => word.length > 1 && !STOP_WORDS.has(word)).map(fold);
}

/** How much each term of a text counts: the second occurrence less than the first. */
export function termFrequencies(text) {
  const counts = new Map();
  for (const term of termsOf(text)) counts.set(term, (counts.get(term) ?? 0) + 1);
  for (const [term, count] of counts) counts.set(term, 1 + Math.log(count));
  return counts;
}
