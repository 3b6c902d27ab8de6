// How the tabs of a store find its owner: through a SharedWorker that hands on ports, and a broadcast channel on which they
// hear of each other. The SharedWorker is known by its URL, so tabs with another build of the package have another one; it
// lives in some tab's process, and stops or dies with it; and some browsers have none. The broadcast channel is always
// shared, and what it offers in place of ports (port.ts) always works. A tab that hears of no other starts no SharedWorker,
// which would hold up those of the engine.

import { openIntroducer } from '../spawn.js';
import type { AmongTabs, FromIntroducer, PortEnd, ToIntroducer } from '../wire/messages.js';
import { PROTOCOL, tabsChannel } from '../wire/messages.js';
import { askingPort, type Port } from './port.js';

export interface IntroductionHandlers {
  onNewOwner(): void;
  /** The introducer can hand on ports to the owner, which it could not before. */
  onOwnerKnown(): void;
  /** The owner lives and speaks this protocol. */
  onOwnerAnswer(protocol: number): void;
  /** A port that was wanted, and that the owner will greet. */
  onPort(port: Port): void;
  /** To the owner: another tab has the other end. */
  onWant(end: PortEnd): void;
}

export class Introductions {
  #store: string;
  #handlers: IntroductionHandlers;
  #tabs: BroadcastChannel;
  #introducer: MessagePort | undefined;
  #isOwner = false;
  /** Until an owner has answered. */
  #wantsPort = false;
  /** The word of the last want, until it has been answered: an owner that wakes up may answer once more, and older ones. */
  #wanted: string | undefined;

  constructor(store: string, handlers: IntroductionHandlers) {
    this.#store = store;
    this.#handlers = handlers;
    this.#tabs = new BroadcastChannel(tabsChannel(store));
    this.#tabs.onmessage = (message: MessageEvent<AmongTabs>) => this.#hear(message.data);
  }

  /** Says that this tab owns the store from now on. */
  takeOffice(): void {
    this.#isOwner = true;
    this.#wantsPort = false;
    if (this.#introducer) this.#presentOwner();
    this.#tabs.postMessage({ owner: PROTOCOL, isNew: true } satisfies AmongTabs);
  }

  leaveOffice(): void {
    this.#isOwner = false;
    this.#toIntroducer({ store: this.#store, role: 'gone' });
  }

  ask(): void {
    this.#tabs.postMessage({ ask: 'owner' } satisfies AmongTabs);
  }

  /** Asks for a port as soon as there is an owner; at once when that did not work. */
  want(isFirstTry: boolean): void {
    this.ask();
    this.#wantsPort = isFirstTry;
    if (!isFirstTry) this.#wantPort(false);
  }

  /** Through the introducer, and when that did not work or cannot work also by broadcast. */
  #wantPort(isFirstTry: boolean): void {
    this.#wanted = undefined;
    if (!this.#introducer) this.#openIntroducer();
    if (this.#introducer) {
      const { port1, port2 } = new MessageChannel();
      this.#toIntroducer({ store: this.#store, want: port2 }, [port2]);
      this.#handlers.onPort(port1);
    }
    if (!this.#introducer || !isFirstTry) {
      this.#wanted = crypto.randomUUID();
      this.#tabs.postMessage({ want: this.#wanted } satisfies AmongTabs);
    }
  }

  close(): void {
    this.#leaveIntroducer();
    this.#tabs.close();
  }

  #hear(message: AmongTabs): void {
    if ('offer' in message) {
      if (message.to !== this.#wanted) return;
      this.#wanted = undefined;
      this.#handlers.onPort(askingPort(message.offer));
    } else if ('owner' in message) {
      if (!message.isNew) {
        this.#handlers.onOwnerAnswer(message.owner);
        if (this.#wantsPort) this.#wantPort(true);
        this.#wantsPort = false;
        return;
      }
      if (this.#introducer) this.#openIntroducer();
      this.#handlers.onNewOwner();
    } else if (this.#isOwner) {
      // The coordinator's worker answers too, so that neither of them may be busy for a while without the other being heard.
      if ('ask' in message) this.#tabs.postMessage({ owner: PROTOCOL, isNew: false } satisfies AmongTabs);
      else this.#offer(message.want);
      if (!this.#introducer) this.#presentOwner();
    }
  }

  #presentOwner(): void {
    this.#openIntroducer();
    this.#toIntroducer({ store: this.#store, role: 'owner' });
  }

  #offer(to: string): void {
    const name = crypto.randomUUID();
    this.#tabs.postMessage({ offer: name, to } satisfies AmongTabs);
    this.#handlers.onWant(name);
  }

  /** Also again, because the process of an owner that is gone may have been the introducer's. */
  #openIntroducer(): void {
    if (typeof SharedWorker === 'undefined') return;
    this.#leaveIntroducer();
    this.#introducer = openIntroducer();
    this.#introducer.onmessage = (message: MessageEvent<FromIntroducer>) => {
      const { data } = message;
      if (data.store !== this.#store) return;
      if ('want' in data) this.#handlers.onWant(data.want);
      else this.#handlers.onOwnerKnown();
    };
  }

  /** Nothing else tells it: not every browser has ports say that their other end is closed. */
  #leaveIntroducer(): void {
    this.#toIntroducer({ store: this.#store, role: 'gone' });
    this.#introducer?.close();
    this.#introducer = undefined;
  }

  #toIntroducer(message: ToIntroducer, transfer: Transferable[] = []): void {
    this.#introducer?.postMessage(message, transfer);
  }
}
