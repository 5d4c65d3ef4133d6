/** A refusal or failure in words: what happened, and what to do next. */
export class IhpcError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint = ''
  ) {
    super(message);
    this.name = 'IhpcError';
  }

  static from(error: unknown): IhpcError {
    if (error instanceof IhpcError) {
      return error;
    }
    const text = error instanceof Error ? error.message : String(error);
    return new IhpcError(0, text);
  }
}
