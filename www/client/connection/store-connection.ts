// A page's one connection to a store, shared by all of its clients. The page asks for the store's owner lock: the tab that
// has it runs the coordinator, the others are introduced to it. Whatever ends (a worker, a tab, the lock), the next call
// finds the coordinator that is there then; calls in flight are repeated where that is safe.

import { ClientClosed, WorkerDied, messageOf, neverReady, notReady, otherVersion, type MilvusError } from '../errors.js';
import type { EngineEvent, Reply, StoreConfig } from '../wire/messages.js';
import { PROTOCOL } from '../wire/messages.js';
import { Channel, type Outgoing } from './channel.js';
import { Greeting, type Greeted } from './greeting.js';
import { Introductions } from './introductions.js';
import { OwnerWatch } from './owner-watch.js';
import { Ownership } from './ownership.js';
import { isRepeatable, repeatOf } from './repeatable.js';
import { Routes, type NodeReply, type ReadTarget } from './routes.js';

const MAX_REPEATS = 3;
/** After this long without a greeting the port may have been handed to a tab that is gone: ask again with a new one. */
const FIRST_PATIENCE_MS = 500;
const MAX_PATIENCE_MS = 4000;
const STORAGE_DENIED = 'the browser denies this page storage (as in frames without allow-same-origin, or with cookies blocked)';

/** Whether a call happened whose worker died is not known: its caller may try again. */
function refuseRepeat(error: unknown): never {
  throw error instanceof WorkerDied ? notReady(error.message) : error;
}

/** Why no store can be opened in a page like this. */
function hindrance(): string | undefined {
  // Browsers withhold Web Locks for that reason.
  if (globalThis.isSecureContext === false) return 'elanus needs a secure context: serve the page by https or from localhost';
  if (globalThis.navigator?.locks && typeof Worker !== 'undefined') return undefined;
  return 'elanus runs in a browser page with Web Workers and Web Locks; this is none';
}

export type EventListener = (event: EngineEvent) => void;

export class StoreConnection {
  static #byStore = new Map<string, StoreConnection>();

  readonly #config: StoreConfig;
  readonly #routes = new Routes(this);
  readonly #watch = new OwnerWatch({
    ask: () => this.#membership?.introductions.ask(),
    onSilence: () => this.#membership?.ownership.seize(),
  });
  #users = 0;
  #listeners = new Set<EventListener>();
  /** Missing while the page is in the back/forward cache. */
  #membership: { ownership: Ownership; introductions: Introductions } | undefined;
  #channel: Channel | undefined;
  #connecting: Promise<Channel> | undefined;
  /** The last one; ended ones take no notice of anything. */
  #greeting: Greeting | undefined;
  /** Why the browser keeps no store for this page. */
  #denied: MilvusError | undefined;
  #closed = false;

  /** The page's connection; one `release` for each `acquire`. */
  static acquire(config: StoreConfig): StoreConnection {
    let connection = StoreConnection.#byStore.get(config.store);
    if (!connection) {
      connection = new StoreConnection(config);
      StoreConnection.#byStore.set(config.store, connection);
    }
    connection.#users++;
    return connection;
  }

  private constructor(config: StoreConfig) {
    this.#config = config;
    this.#join();
    if (typeof addEventListener === 'function') {
      addEventListener('pagehide', this.#leave);
      addEventListener('pageshow', this.#returnToPage);
    }
  }

  release(): void {
    if (--this.#users > 0) return;
    this.#closed = true;
    StoreConnection.#byStore.delete(this.#config.store);
    if (typeof removeEventListener === 'function') {
      removeEventListener('pagehide', this.#leave);
      removeEventListener('pageshow', this.#returnToPage);
    }
    this.#channel?.close(new ClientClosed());
    this.#leave();
    this.#watch.stop();
    this.#routes.clear();
    this.#listeners.clear();
  }

  addListener(listener: EventListener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: EventListener): void {
    this.#listeners.delete(listener);
  }

  /** One call to the coordinator. */
  call(outgoing: Outgoing): Promise<Reply> {
    return this.#watch.during(this.#callRepeatedly(outgoing));
  }

  /** One call to the nodes that hold a collection. */
  read(at: ReadTarget, outgoing: (nodes: number) => Outgoing): Promise<NodeReply[]> {
    return this.#watch.during(this.#routes.read(at, outgoing));
  }

  async #callRepeatedly(outgoing: Outgoing): Promise<Reply> {
    let channel = await this.#coordinator();
    if (!isRepeatable(outgoing.method)) return channel.call(outgoing).catch(refuseRepeat);
    const sent = Date.now();
    // What is handed over could not be sent again.
    const kept = { ...outgoing, transfer: false };
    let next: Outgoing = kept;
    for (let repeats = 0; ; repeats++) {
      try {
        return await channel.call(next);
      } catch (error) {
        if (repeats >= MAX_REPEATS || !(error instanceof WorkerDied)) return refuseRepeat(error);
        channel = await this.#coordinator();
        next = repeatOf(kept, Date.now() - sent) ?? refuseRepeat(error);
      }
    }
  }

  #join(): void {
    if (this.#closed || hindrance()) return;
    const introductions = new Introductions(this.#config.store, {
      onNewOwner: () => this.#followNewOwner(),
      onOwnerKnown: () => this.#greeting?.end(),
      onOwnerAnswer: protocol => {
        ownership.isOthers();
        this.#watch.heard();
        if (protocol !== PROTOCOL) this.#greeting?.refuse(otherVersion(PROTOCOL, protocol));
      },
      onPort: port => this.#greeting?.expectOn(port),
      onWant: end => ownership.host?.connect(end),
    });
    const ownership = new Ownership(this.#config, {
      onGained: () => {
        introductions.takeOffice();
        this.#followNewOwner();
      },
      onLost: () => {
        introductions.leaveOffice();
        this.#startAnew('this tab no longer owns the store');
      },
      onDenied: error => {
        this.#denied = neverReady(`${STORAGE_DENIED}: ${messageOf(error)}`);
        this.#greeting?.refuse(this.#denied);
      },
    });
    this.#membership = { ownership, introductions };
  }

  /** Also when the page goes into the back/forward cache: frozen there it must not keep the lock from other tabs. */
  #leave = (): void => {
    const left = this.#membership;
    this.#membership = undefined;
    left?.ownership.giveUp();
    left?.introductions.close();
    this.#channel?.close(new WorkerDied('the page was left'));
  };

  #returnToPage = (event: PageTransitionEvent): void => {
    if (!event.persisted) return;
    this.#join();
    this.#greeting?.end();
    this.#reconnect();
  };

  /** No death notice tells of the old owner's coordinator if its process is stopped. */
  #followNewOwner(): void {
    this.#watch.heard();
    this.#startAnew('another tab has taken the store over');
  }

  #startAnew(why: string): void {
    this.#greeting?.end();
    this.#channel?.close(new WorkerDied(why));
  }

  /** Without waiting for a call: events are heard only over a channel. */
  #reconnect(): void {
    if (this.#closed || !this.#membership || this.#listeners.size === 0) return;
    this.#coordinator().catch(() => {
      // The next call tries again, and its caller learns why.
    });
  }

  #coordinator(): Promise<Channel> {
    if (this.#closed) return Promise.reject(new ClientClosed());
    if (this.#channel?.isOpen) return Promise.resolve(this.#channel);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #connect(): Promise<Channel> {
    const why = hindrance();
    if (why) throw neverReady(why);
    if (this.#denied) throw this.#denied;
    for (let tries = 0; ; tries++) {
      if (this.#closed) throw new ClientClosed();
      const greeted = await this.#askForGreeting(tries);
      if (!greeted) continue;
      const channel = new Channel(greeted.port, greeted.id, {
        onEvent: event => this.#listeners.forEach(listener => listener(event)),
        onEnd: () => {
          this.#routes.clear();
          this.#reconnect();
        },
      });
      if (this.#closed) channel.close(new ClientClosed());
      this.#channel = channel;
      return channel;
    }
  }

  #askForGreeting(tries: number): Promise<Greeted | undefined> {
    const greeting = new Greeting(Math.min(FIRST_PATIENCE_MS * 2 ** tries, MAX_PATIENCE_MS));
    this.#greeting = greeting;
    const host = this.#membership?.ownership.host;
    if (host) {
      const { port1, port2 } = new MessageChannel();
      greeting.expectOn(port1);
      host.connect(port2);
    } else {
      this.#membership?.introductions.want(tries === 0);
    }
    return greeting.greeted;
  }
}
