/**
 * Does something again and again while somebody looks: hidden pages rest, and many tabs do not ask in step.
 * What is done must not throw; it is told how to find out whether anybody still waits for it.
 */
export class Rounds {
  constructor(
    private readonly pace: number,
    private readonly round: (isCurrent: () => boolean) => Promise<void>
  ) {}

  get going(): boolean {
    return this._going;
  }

  /** Somebody looks: do it now, and again and again. */
  look(): void {
    this.rest();
    this._going = true;
    void this.go(++this._turn);
  }

  /** Nobody looks any more. */
  rest(): void {
    this._turn++;
    this._going = false;
    clearTimeout(this._timer);
  }

  private async go(turn: number): Promise<void> {
    const isCurrent = (): boolean => turn === this._turn;
    const pause = this.pace * (1 + 0.2 * Math.random());
    if (!globalThis.document?.hidden) {
      await this.round(isCurrent);
    }
    if (isCurrent()) {
      this._timer = setTimeout(() => void this.go(turn), pause);
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _turn = 0;
  private _going = false;
}
