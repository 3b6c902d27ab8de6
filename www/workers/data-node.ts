// A data node: started for imports, flushes, index builds and compactions.

import { DataNodeRole } from '../wasm/elanus.js';
import { startNode } from './node.js';

startNode((config, host) => DataNodeRole.open(config, host));
