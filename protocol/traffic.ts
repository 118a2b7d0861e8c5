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
  const lines = Object.entries(httpHeaders(shape)).map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`${plainHead(shape)}${lines.join('')}\r\n`);
}

/** What it says beside its first line and `Host`: for clients that write the request themselves. */
export function httpHeaders(shape: HttpRequestShape): Readonly<Record<string, string>> {
  const closing = shape.serverCloses ? { Connection: 'close' } : {};
  const closingBytes = shape.serverCloses ? 'Connection: close\r\n'.length : 0;
  const missing = shape.requestBytes - plainHead(shape).length - closingBytes - 2;
  const overhead = 'X-Padding: \r\n'.length;
  return { ...closing, ...(missing > overhead && { 'X-Padding': 'x'.repeat(missing - overhead) }) };
}

function plainHead({ responseBytes, host }: HttpRequestShape): string {
  return `GET /${responseBytes} HTTP/1.1\r\nHost: ${host}\r\n`;
}
