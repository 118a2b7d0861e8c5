/**
 * k6's REST API, as far as it is needed: has it started all it needs, begin, how many starts were dropped. On 127.0.0.1
 * of the namespace that the load is made in; whoever is on that machine could call it, too. What it answers is parsed.
 */

import { Agent, request } from 'node:http';
import { z } from 'zod';
import { messageOf } from '../../../protocol/failure.ts';

/** lib.ExecutionStatus of k6: everything is there, and waits to be resumed. */
const pausedBeforeRun = 4;
const answerMs = 1_000;
const mostAnswerBytes = 65_536;

const statusSchema = z.object({
  data: z.object({ attributes: z.object({ status: z.int(), paused: z.boolean() }) }),
});
const counterSchema = z.object({
  data: z.object({ attributes: z.object({ sample: z.object({ count: z.int().min(0) }) }) }),
});

export class K6RestApi {
  readonly #port: number;
  /** One connection: to begin in time, it must be there already. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Null when only `resume` is missing; else how far it is, or why nobody answers. */
  async whyNotReady(): Promise<string | null> {
    try {
      const { body } = await this.#call('GET', '/v1/status');
      const { status } = statusSchema.parse(JSON.parse(body)).data.attributes;
      return status === pausedBeforeRun ? null : `its status is ${status}`;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** @throws when it cannot be told. */
  async resume(): Promise<void> {
    const wish = JSON.stringify({ data: { type: 'status', id: 'default', attributes: { paused: false } } });
    const { status, body } = await this.#call('PATCH', '/v1/status', wish);
    if (status !== 200)
      throw new Error(`Cannot start k6: its REST API answers ${status}: ${body.slice(0, 200)}`);
  }

  /** Starts that fell due when no virtual user was free, since the beginning. @throws when nobody answers. */
  async dropped(): Promise<number> {
    const { status, body } = await this.#call('GET', '/v1/metrics/dropped_iterations');
    // A metric is there once it has a value.
    return status === 404 ? 0 : counterSchema.parse(JSON.parse(body)).data.attributes.sample.count;
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(
    method: string,
    path: string,
    body = '',
  ): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const call = request(
        { host: '127.0.0.1', port: this.#port, path, method, agent: this.#agent, timeout: answerMs },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (part: string) => {
            text += part;
            if (text.length > mostAnswerBytes) call.destroy(new Error('its answer is too long'));
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
          answer.on('error', reject);
        },
      );
      call.on('timeout', () => call.destroy(new Error(`no answer within ${answerMs} ms`)));
      call.on('error', reject);
      call.end(body);
    });
  }
}
