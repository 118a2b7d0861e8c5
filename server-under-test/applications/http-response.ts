/**
 * The head of an HTTP/1.1 response, as bytes. One is kept, and made anew when another is wanted or the second changes:
 * in a trial, where every response is alike, once a second.
 */

/** The response is to HEAD: its length is told, its body is not sent. */
export const noBody = 1;
export const withConnectionClose = 2;
/** For HTTP/1.0, which closes unless told. */
export const withKeepAlive = 4;

const reasons: Readonly<Record<number, string>> = {
  100: 'Continue',
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  411: 'Length Required',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  505: 'HTTP Version Not Supported',
};

export class HttpResponseHead {
  /** Of which build() says how many count. */
  readonly bytes = new Uint8Array(512);
  /** Another number for every other content of `bytes`; 0: there is none yet. */
  version = 0;
  readonly #encoder = new TextEncoder();
  #length = 0;
  #status = 0;
  #bodyBytes = -1;
  #flags = -1;
  #date = new Date(0).toUTCString();

  /** Puts the head into `bytes`. @returns its length, which depends on these three alone, never on the time. */
  build(status: number, bodyBytes: number, flags: number): number {
    if (status !== this.#status || bodyBytes !== this.#bodyBytes || flags !== this.#flags) {
      this.#status = status;
      this.#bodyBytes = bodyBytes;
      this.#flags = flags;
      this.#write();
    }
    return this.#length;
  }

  /** RFC 9110, 6.6.1: a server with a clock says the date. Always 29 characters. */
  setDate(unixMs: number): void {
    const date = new Date(unixMs).toUTCString();
    if (date === this.#date) return;
    this.#date = date;
    if (this.#status !== 0) this.#write();
  }

  reasonBytes(status: number): number {
    return reason(status).length + 1;
  }

  /** The body of an answer that is not 200: its reason, in a line. */
  copyReason(memory: Uint8Array, out: number, length: number, offset: number): void {
    const text = `${reason(this.#status)}\n`;
    for (let index = 0; index < length; index++) memory[out + index] = text.charCodeAt(offset + index);
  }

  #write(): void {
    this.version++;
    const status = this.#status;
    const lines = [`HTTP/1.1 ${status} ${reason(status)}`];
    if (status !== 100) {
      lines.push(`Date: ${this.#date}`, 'Content-Type: text/plain', `Content-Length: ${this.#bodyBytes}`);
      if (status === 405) lines.push('Allow: GET, HEAD');
      if ((this.#flags & withConnectionClose) !== 0) lines.push('Connection: close');
      if ((this.#flags & withKeepAlive) !== 0) lines.push('Connection: keep-alive');
    }
    this.#length = this.#encoder.encodeInto(`${lines.join('\r\n')}\r\n\r\n`, this.bytes).written;
  }
}

function reason(status: number): string {
  return reasons[status] ?? 'Unknown';
}
