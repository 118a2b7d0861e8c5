/** What the page's server answers: the page, its files, the login, the run as JSON, the runs beside it, their reports. */

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { tokenMatches } from '../../protocol/access.ts';
import type { Caller, Gate } from './admission.ts';
import type { Asset } from './assets.ts';
import type { LoginCookie } from './login-cookie.ts';
import { loginPage } from './login-page.ts';
import type { PastRuns } from './past-runs.ts';
import { pageHeaders, reportHeaders } from './response-headers.ts';
import type { RunModel } from './run-model.ts';

export interface RouteParts {
  readonly gate: Gate;
  readonly token: string | null;
  readonly cookie: LoginCookie | null;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly model: RunModel;
  readonly pastRuns: PastRuns;
}

interface WithStatus {
  readonly statusCode?: number;
}

const html = 'text/html; charset=utf-8';
const loginSchema = z.object({ token: z.string().max(1_024) });
const reportSchema = z.object({ folder: z.string().min(1).max(255) });

export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { assets, cookie, model, pastRuns, token } = parts;
  app.addHook('onRequest', async (request, reply) => turnAway(parts, request, reply) ?? undefined);
  app.setErrorHandler((error: WithStatus, _request, reply) => sayThatItFailed(error, reply));
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'there is no such thing here' }));
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))));
    },
  );

  for (const [path, { type, body }] of assets)
    app.get(path, (_request, reply) => reply.header('content-type', type).send(body));

  app.post('/login', (request, reply) => {
    const given = loginSchema.safeParse(request.body);
    const isRight = token === null || (given.success && tokenMatches(token, given.data.token));
    if (!isRight) return reply.code(401).header('content-type', html).send(loginPage(true));
    if (cookie !== null) reply.header('set-cookie', cookie.make());
    return reply.redirect('/', 303);
  });

  app.get('/api/run', (_request, reply) => {
    const piece = model.log.since(0, Number.POSITIVE_INFINITY);
    return reply.header('content-type', 'application/json').send(`{${piece?.text ?? ''}}`);
  });
  app.get('/api/runs', async () => await pastRuns.list());
  app.get('/runs/:folder/report.html', async (request, reply) => {
    const asked = reportSchema.safeParse(request.params);
    const report = asked.success ? await pastRuns.report(asked.data.folder) : null;
    if (report === null) return reply.callNotFound();
    return reply.headers(reportHeaders).header('content-type', html).send(report);
  });
}

/** For URLs that no route can be looked for: of those Fastify asks no hook. */
export function refuseUrl(
  parts: RouteParts,
  error: WithStatus,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  return turnAway(parts, request, reply) ?? sayThatItFailed(error, reply);
}

/** First of all, whatever is asked for. Null: it may be answered. */
function turnAway(
  { assets, gate }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | null {
  reply.headers(pageHeaders);
  const path = request.url.split('?', 1)[0] ?? '';
  const isOpen = path === '/login' || assets.get(path)?.isOpen === true;
  const caller = callerOf(request.headers);
  const admission = isOpen ? (gate.comesFromHere(caller) ? 'granted' : 'place') : gate.admit(caller);
  if (admission === 'place') return reply.code(403).send({ error: 'that is not a name or a page of ours' });
  return admission === 'token' ? askForToken(request, reply) : null;
}

/** Whatever is wrong with a request, its sender learns no more than that. */
function sayThatItFailed({ statusCode = 500 }: WithStatus, reply: FastifyReply): FastifyReply {
  return reply.code(statusCode).send({ error: statusCode < 500 ? 'that is no request' : 'it failed' });
}

/** People get a form, programs a status. */
function askForToken(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.code(401).header('www-authenticate', 'Bearer realm="stampede"');
  return request.headers.accept?.includes('text/html') === true
    ? reply.header('content-type', html).send(loginPage(false))
    : reply.send({ error: 'a token is wanted: Authorization: Bearer TOKEN' });
}

export function callerOf(headers: IncomingHttpHeaders): Caller {
  const { host, origin, authorization, cookie } = headers;
  return { host, origin, authorization, cookie };
}
