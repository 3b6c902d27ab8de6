// Searches and queries go straight to the nodes that hold a collection. A route is the list of their ports; a node that no
// longer serves the name says so with a status that never leaves this file, and the route is asked for again.

import { WorkerDied, notReady } from '../errors.js';
import { sleep } from '../format/values.js';
import type { ResStatus } from '../types/index.js';
import type { Reply } from '../wire/messages.js';
import { stringifyBody } from '../wire/json.js';
import { completeReply, statusOf } from '../wire/replies.js';
import { Channel, type Outgoing } from './channel.js';
import { askingPort } from './port.js';

const STALE_ROUTE = 65000;
const MAX_TRIES = 8;
/** A request that ends the node that runs it must not end its successors for ever. */
const MAX_DEATHS = 2;

interface Caller {
  call(outgoing: Outgoing): Promise<Reply>;
}

export interface ReadTarget {
  db_name: string;
  collection_name: string;
  partition_names?: string[];
}

export interface NodeReply {
  body: Record<string, unknown>;
  blobs: Uint8Array[];
}

/** What all who read a collection share. */
interface Route {
  nodes: Promise<Channel[] | ResStatus>;
  /** How many are under way on it. */
  reads: number;
}

const isRefusal = ({ body }: NodeReply): boolean => statusOf(body)?.error_code !== 'Success';

/** Nodes that were asked while partitions, segments or deletes came may have answered from before and after it. */
function agree(replies: NodeReply[]): boolean {
  const [first] = replies;
  return replies.every(reply => reply.body.load_version === first!.body.load_version && isRefusal(reply) === isRefusal(first!));
}

export class Routes {
  #coordinator: Caller;
  #routes = new Map<string, Route>();

  constructor(coordinator: Caller) {
    this.#coordinator = coordinator;
  }

  /** One reply from each node; a single one with the refusal when there is no route. What is sent may depend on their number. */
  async read(at: ReadTarget, outgoing: (nodes: number) => Outgoing): Promise<NodeReply[]> {
    const key = JSON.stringify([at.db_name, at.collection_name]);
    let deaths = 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (tries > 1) await sleep(2 ** tries);
      const route = this.#routeOf(key, at);
      const replies = await this.#send(key, route, outgoing).catch((error: unknown) => {
        this.#drop(key, route);
        if (!(error instanceof WorkerDied)) throw error;
        if (++deaths > MAX_DEATHS) throw notReady(error.message);
        return undefined;
      });
      if (!replies) continue;
      if ('error_code' in replies) {
        this.#drop(key, route);
        const refusal = await this.#refusal(replies, at);
        if (refusal) return [{ body: { status: refusal }, blobs: [] }];
        continue;
      }
      const isStale = replies.some(reply => (reply.body.status as ResStatus | null)?.code === STALE_ROUTE);
      if (isStale) this.#drop(key, route);
      // What one of several nodes goes on refusing is the answer.
      else if (agree(replies) || (tries === MAX_TRIES - 1 && replies.some(isRefusal))) return replies;
    }
    throw notReady(`collection ${at.collection_name} keeps moving`);
  }

  /** Why there is no route for this caller: a partition that it named and that does not exist comes first. None if there is one now. */
  async #refusal(refusal: ResStatus, at: ReadTarget): Promise<ResStatus | undefined> {
    if (!at.partition_names?.length) return refusal;
    const route = await this.#ask(at);
    if (!Array.isArray(route)) return route;
    for (const node of route) node.close(new WorkerDied('the route was not needed'));
    return undefined;
  }

  /** When the coordinator has ended: nodes end with it, or are stopped with its process and never answer. */
  clear(): void {
    const routes = [...this.#routes.values()];
    this.#routes.clear();
    for (const route of routes) this.#close(route, 'the coordinator ended');
  }

  async #send(key: string, route: Route, outgoingFor: (nodes: number) => Outgoing): Promise<NodeReply[] | ResStatus> {
    route.reads++;
    try {
      const nodes = await route.nodes;
      if (!Array.isArray(nodes)) return nodes;
      const outgoing = outgoingFor(nodes.length);
      return await Promise.all(
        nodes.map(async node => {
          const reply = await node.call(outgoing);
          return { body: JSON.parse(reply.body) as Record<string, unknown>, blobs: reply.blobs };
        })
      );
    } finally {
      route.reads--;
      this.#closeUnused(key, route);
    }
  }

  #routeOf(key: string, at: ReadTarget): Route {
    const known = this.#routes.get(key);
    if (known) return known;
    // Others will go this way, too: it must not depend on the partitions of one.
    const nodes = this.#ask({ ...at, partition_names: undefined }, () => this.#drop(key, route));
    const route: Route = { nodes, reads: 0 };
    this.#routes.set(key, route);
    return route;
  }

  async #ask(at: ReadTarget, onEnd?: () => void): Promise<Channel[] | ResStatus> {
    const reply = await this.#coordinator.call({ method: 'Route', body: stringifyBody(at), blobs: [] });
    const body = completeReply('Route', JSON.parse(reply.body) as Record<string, unknown>);
    const status = statusOf(body);
    if (status && status.error_code !== 'Success') return status;
    const nodes = body.nodes as string[];
    return (reply.ports ?? []).map((end, index) => new Channel(askingPort(end), nodes[index]!, { onEnd }));
  }

  /** Nobody takes it any more. Nodes that no longer serve the name still answer what they were asked before. */
  #drop(key: string, route: Route): void {
    if (this.#routes.get(key) === route) this.#routes.delete(key);
    this.#closeUnused(key, route);
  }

  #closeUnused(key: string, route: Route): void {
    if (route.reads === 0 && this.#routes.get(key) !== route) this.#close(route, 'the route was dropped');
  }

  #close(route: Route, why: string): void {
    void route.nodes.then(
      nodes => {
        if (Array.isArray(nodes)) for (const node of nodes) node.close(new WorkerDied(why));
      },
      // Who reads on it learns why there is none.
      () => undefined
    );
  }
}
