/** Of each batch that the soak inserts; known to the page and to the test. */
export const rowsOfBatch = 60;
