// A query node: holds loaded segments, searches and queries them.

import { QueryNodeRole } from '../wasm/elanus.js';
import { startNode } from './node.js';

startNode((config, host) => QueryNodeRole.open(config, host));
