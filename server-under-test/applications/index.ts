/** The applications by name; the type demands every one that scenarios may ask for. */

import type { Application as ApplicationName } from '../../protocol/variant-catalogue.ts';
import type { ServerSpec } from '../launch.ts';
import type { Application } from './application.ts';
import { Echo } from './echo.ts';
import { Http } from './http.ts';

type Conversation = Pick<ServerSpec, 'messages' | 'requestBytes' | 'responseBytes' | 'close'>;

const makers: Readonly<Record<ApplicationName, (conversation: Conversation) => Application>> = {
  echo: ({ messages, requestBytes, responseBytes, close }) =>
    new Echo({ requestBytes, responseBytes, closeAfter: close === 'server-fin' ? messages : null }),
  // Its clients say themselves when the server is to close (RFC 9112, 9.6), whatever the close mode.
  http: ({ responseBytes }) => new Http(responseBytes),
};

export function createApplication(name: ApplicationName, conversation: Conversation): Application {
  const application = makers[name](conversation);
  application.tick(Date.now());
  return application;
}
