// Which calls may be sent again when the coordinator ended before it answered: those that only read, and those whose
// second run changes nothing.

const PREFIXES = /^(Describe|BatchDescribe|Has|Show|Get|List|Load|Release|Check)/;
const NAMES = new Set(['Connect', 'Route', 'Query', 'Search', 'HybridSearch', 'Flush', 'FlushAll', 'RunAnalyzer']);

export function isRepeatable(method: string): boolean {
  return NAMES.has(method) || PREFIXES.test(method);
}
