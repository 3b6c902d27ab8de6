// The wait for a coordinator's greeting on one of the ports that were asked for.

import { neverReady, notReady, otherVersion } from '../errors.js';
import type { Fatal, Hello } from '../wire/messages.js';
import { PROTOCOL } from '../wire/messages.js';
import { leave, type Port } from './port.js';

export interface Greeted {
  port: Port;
  /** Of the coordinator's worker. */
  id: string;
}

export class Greeting {
  /** Undefined when it is time to ask again. */
  readonly greeted: Promise<Greeted | undefined>;
  #ports: Port[] = [];
  #isOver = false;
  #settle!: (outcome: Greeted | undefined | Promise<never>) => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(patienceMs: number) {
    this.greeted = new Promise(resolve => (this.#settle = resolve));
    this.#timer = setTimeout(() => this.end(), patienceMs);
  }

  expectOn(port: Port): void {
    if (this.#isOver) {
      leave(port);
      return;
    }
    this.#ports.push(port);
    port.onmessage = (message: MessageEvent<Hello | Fatal>) => {
      const { data } = message;
      if ('fatal' in data) this.refuse((data.isFinal ? neverReady : notReady)(data.fatal));
      else if (data.protocol !== PROTOCOL) this.refuse(otherVersion(PROTOCOL, data.protocol));
      else this.end({ port, id: data.hello });
    };
  }

  refuse(reason: Error): void {
    if (this.#isOver) return;
    this.#settle(Promise.reject(reason));
    this.end();
  }

  end(greeted?: Greeted): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (greeted) greeted.port.onmessage = null;
    this.#ports.filter(port => port !== greeted?.port).forEach(leave);
    this.#settle(greeted);
  }
}
