/** Of each batch that the soak inserts; known to the page and to the test. */
export const rowsOfBatch = 60;

/** Of an import: the rows that are there before it, the first number of its own, and how many of them are 50 MB of JSON Lines. */
export const earlierRows = 3000;
export const firstImported = 100_000;
export const importRows = 12_500;
