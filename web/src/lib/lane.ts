/** Lets a certain number of pieces of work run at once; the others wait in the order in which they came. */
export class Lane {
  readonly #width: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param width at least 1 */
  constructor(width: number) {
    this.#width = width;
  }

  /** Rejects with the signal's reason when it aborts before the turn has come; from then on the work sees to it itself. */
  async run<T>(work: () => Promise<T>, { signal, onWait }: { signal: AbortSignal; onWait(): void }): Promise<T> {
    signal.throwIfAborted();
    if (this.#running >= this.#width) {
      onWait();
      await this.#turn(signal);
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // The place is handed on rather than freed, so that no newcomer slips in before those who wait.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(turn);
    });
  }
}
