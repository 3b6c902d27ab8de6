export * from './client.js';
export * from './data-types.js';
export * from './defaults.js';
export * from './errors.js';
export * from './messages.js';
export * from './privileges.js';
export * from './search.js';
export * from './states.js';
