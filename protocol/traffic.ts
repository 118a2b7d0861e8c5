/**
 * What client and server say to each other on a connection: the bytes of requests and of responses.
 *
 * echo: a request is `requestBytes` bytes, of which the first 8 (fewer if it is shorter) differ from connection to
 * connection; the response is the request repeated up to `responseBytes`. A byte swapped between connections, or out of
 * place, shows.
 *
 * http: `GET /RESPONSEBYTES`, padded by a header to `requestBytes` in all when that is more than the plain request; the
 * response's body is `responseBytes` of the pattern below. The last request of a connection that the server is to close
 * (`server-fin`) says `Connection: close`, so any HTTP/1.1 server can take part.
 */

/** How many bytes at the front of an echo request tell connections apart. */
export const echoNonceBytes = 8;

/** Most servers refuse longer request heads. */
export const maxHttpRequestBytes = 8_192;

/** The byte at `index` of a patterned body: printable, of period 64. */
export function patternByte(index: number): number {
  return 0x30 + (index & 0x3f);
}

export function patternBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = patternByte(index);
  return bytes;
}

export interface HttpRequestShape {
  readonly host: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** True when the server is to close the connection after this one. */
  readonly serverCloses: boolean;
}

/** The bytes of one HTTP/1.1 request. */
export function httpRequest(shape: HttpRequestShape): Uint8Array<ArrayBuffer> {
  const head =
    `GET /${shape.responseBytes} HTTP/1.1\r\nHost: ${shape.host}\r\n` +
    (shape.serverCloses ? 'Connection: close\r\n' : '');
  const missing = shape.requestBytes - head.length - 2;
  const overhead = 'X-Padding: \r\n'.length;
  const padding = missing > overhead ? `X-Padding: ${'x'.repeat(missing - overhead)}\r\n` : '';
  return new TextEncoder().encode(`${head}${padding}\r\n`);
}
