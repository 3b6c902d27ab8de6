// A page's one connection to a store, shared by all of its clients. The page asks for the store's owner lock: the tab that
// has it runs the coordinator, the others are introduced to it. Whatever ends (a worker, a tab, the lock), the next call
// finds the coordinator that is there then; calls in flight are repeated where that is safe.

import { WorkerDied, closed, notReady } from '../errors.js';
import type { EngineEvent, Fatal, Hello, Reply, StoreConfig } from '../wire/messages.js';
import { ownerLock } from '../wire/messages.js';
import { Channel, type Outgoing } from './channel.js';
import { CoordinatorHost } from './coordinator-host.js';
import { Introductions } from './introductions.js';
import { isRepeatable } from './repeatable.js';
import { Routes } from './routes.js';

const MAX_REPEATS = 3;
/** After this long without a greeting the port may have been handed to a tab that is gone: ask again with a new one. */
const ASK_AGAIN_MS = 2000;

export type EventListener = (event: EngineEvent) => void;

export class StoreConnection {
  static #byStore = new Map<string, StoreConnection>();

  readonly routes = new Routes(this);
  readonly #config: StoreConfig;
  #users = 0;
  #listeners = new Set<EventListener>();
  #host: CoordinatorHost | undefined;
  #giveUpLock = new AbortController();
  #introductions: Introductions | undefined;
  #channel: Channel | undefined;
  #connecting: Promise<Channel> | undefined;
  #ownerChanged = new EventTarget();
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
    this.#channel?.close(closed());
    this.#leave();
    this.routes.clear();
    this.#listeners.clear();
  }

  addListener(listener: EventListener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: EventListener): void {
    this.#listeners.delete(listener);
  }

  async call(outgoing: Outgoing): Promise<Reply> {
    for (let repeats = 0; ; repeats++) {
      const channel = await this.#coordinator();
      try {
        return await channel.call(outgoing);
      } catch (error) {
        if (!(error instanceof WorkerDied)) throw error;
        if (!isRepeatable(outgoing.method) || repeats >= MAX_REPEATS) throw notReady(error.message);
      }
    }
  }

  #join = (): void => {
    if (this.#closed) return;
    if (!globalThis.navigator?.locks) return;
    const giveUp = new AbortController();
    this.#giveUpLock = giveUp;
    const own = (): Promise<void> => {
      if (giveUp.signal.aborted) return Promise.resolve();
      const host = new CoordinatorHost(this.#config);
      this.#host = host;
      this.#introductions?.announce('owner');
      this.#ownerChanged.dispatchEvent(new Event('change'));
      return new Promise(resolve => {
        giveUp.signal.addEventListener('abort', () => {
          host.terminate();
          if (this.#host === host) this.#host = undefined;
          this.#introductions?.announce('gone');
          resolve();
        });
      });
    };
    navigator.locks.request(ownerLock(this.#config.store), { signal: giveUp.signal }, own).catch((error: unknown) => {
      if (!giveUp.signal.aborted) console.error('elanus: the store could not be owned', error);
    });
    this.#introductions = Introductions.open(this.#config.store, {
      onOwner: () => this.#ownerChanged.dispatchEvent(new Event('change')),
      onWant: port => this.#host?.connect(port),
    });
  };

  /** Also when the page goes into the back/forward cache: frozen there it must not keep the lock from other tabs. */
  #leave = (): void => {
    this.#giveUpLock.abort();
    this.#introductions?.close();
    this.#introductions = undefined;
    this.#channel?.close(new WorkerDied('the page was left'));
  };

  #returnToPage = (event: PageTransitionEvent): void => {
    if (event.persisted) this.#join();
  };

  #coordinator(): Promise<Channel> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#channel?.isOpen) return Promise.resolve(this.#channel);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #connect(): Promise<Channel> {
    if (!globalThis.navigator?.locks || typeof Worker === 'undefined') {
      throw notReady('elanus runs in a browser page with Web Workers and Web Locks; this is none');
    }
    for (;;) {
      if (this.#closed) throw closed();
      const { port1, port2 } = new MessageChannel();
      if (this.#host) this.#host.connect(port2);
      else this.#introductions?.want(port2);
      const id = await this.#greeting(port1);
      if (id === undefined) {
        port1.close();
        continue;
      }
      const channel = new Channel(port1, id, {
        onEvent: event => this.#listeners.forEach(listener => listener(event)),
        onEnd: () => this.routes.clear(),
      });
      if (this.#closed) channel.close(closed());
      this.#channel = channel;
      return channel;
    }
  }

  /** The coordinator's id; undefined when it is time to ask again. */
  #greeting(port: MessagePort): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const again = (): void => settle(() => resolve(undefined));
      // Without introductions the only way in is to become the owner.
      const timer = setTimeout(() => {
        if (!this.#host && !this.#introductions?.isOpen) {
          settle(() => reject(notReady('another tab owns this store, and this browser has no SharedWorker to reach it')));
        } else again();
      }, ASK_AGAIN_MS);
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        this.#ownerChanged.removeEventListener('change', again);
        port.onmessage = null;
        outcome();
      };
      this.#ownerChanged.addEventListener('change', again);
      port.onmessage = (message: MessageEvent<Hello | Fatal>) => {
        const { data } = message;
        settle(() => ('hello' in data ? resolve(data.hello) : reject(notReady(data.fatal))));
      };
    });
  }
}
