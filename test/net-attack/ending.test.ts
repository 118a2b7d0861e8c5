/**
 * Crafted segments at connections that end, over a port whose application the test commands. Numbers are rows of the
 * black-box checklist.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errno } from '../conformance/errno.ts';
import { KernelClient } from '../conformance/kernel-client.ts';
import { type Control, port, portLab, startPort } from '../conformance/port-process.ts';
import { inNamespaces, leftHardware } from '../linux/two-namespaces.ts';
import { hardwareText, withScapy } from './attacked-server.ts';
import { Attack, type CraftedClient } from './crafted-client.ts';
import { ScapyPeer } from './scapy-peer.ts';

/** Of two-namespaces.ts: the port is on the left. */
const [stackAddress, kernelAddress] = ['198.18.7.1', '198.18.7.2'];
const craftedAddress = '198.18.7.50';
const text = Buffer.from('what nobody may ever read');

test('connections end as the RFC has it, however their peer ends', {
  ...withScapy,
  skip: withScapy.skip || inNamespaces.skip,
}, async (t) => {
  const lab = portLab(t, 'af_xdp');
  const control = await (await startPort(t, lab)).control();
  const peer = await ScapyPeer.on('right', kernelAddress);
  t.after(() => peer.end());
  const target = { address: stackAddress, port, hardware: hardwareText(leftHardware) };
  const attack = new Attack(peer, target, craftedAddress);

  const accepted = async (): Promise<{ client: CraftedClient; fd: number }> => {
    const client = await attack.established();
    return { client, fd: await control.until(`accept ${client.port}`) };
  };
  const ended = async (title: string, work: (t: TestContext) => Promise<void>): Promise<void> => {
    await t.test(title, async (t) => {
      await work(t);
      await servesHonestly(t, control);
    });
  };

  await ended('a FIN before anybody accepts is an end that can be read (15)', async () => {
    const client = await attack.established();
    client.send({ flags: 'PA', data: text }, { flags: 'FA', seq: client.seq + text.length });
    const fd = await control.until(`accept ${client.port}`);
    assert.equal(await control.until(`recv ${fd} 100 0`), text.length);
    assert.equal(await control.until(`recv ${fd} 100 0`), 0);
    await control.say(`close ${fd}`);
  });

  await ended('a RST at the next number is told to the application (25)', async () => {
    const { client, fd } = await accepted();
    assert.deepEqual(await client.answersTo({ flags: 'R' }), []);
    await control.becomes(`recv ${fd} 1 0`, -errno.ECONNRESET);
    await control.say(`close ${fd}`);
  });

  await ended('who has ended may still be sent to (40)', async () => {
    const { client, fd } = await accepted();
    const [fin] = await client.answersTo({ flags: 'FA' });
    client.seq++;
    assert.deepEqual([fin?.tcp.flags, fin?.tcp.ack], ['A', client.seq]);
    assert.equal(await control.until(`recv ${fd} 1 0`), 0);
    assert.equal(await control.say(`write ${fd} 5000`), 5_000);
    const came = await client.untilText(5_000);
    assert.ok(came.every((byte, at) => byte === at % 251));
    await control.say(`close ${fd}`);
    await client.untilFin();
    client.send({ ack: client.ack + 1 });
    await attack.passed();
    // Both FINs are acknowledged: nothing is left of it.
    const [refusal] = await client.answersTo({ ack: client.ack + 1 });
    assert.equal(refusal?.tcp.flags, 'R');
  });

  await ended('a FIN that nobody acknowledges is sent again, later and later (41)', async () => {
    const { client, fd } = await accepted();
    await control.say(`close ${fd}`);
    await client.untilFin(4);
    const fins = client.fins;
    assert.equal(new Set(fins.map(({ tcp }) => tcp.seq)).size, 1);
    const [first, second, third, fourth] = fins.map(({ atMs }) => atMs) as [number, number, number, number];
    assert.ok(fourth - third > 1.5 * (second - first), `${[first, second, third, fourth]}`);
    client.send({ flags: 'R', ack: client.ack + 1 });
  });

  await ended('who closes with bytes unread resets (42)', async () => {
    const { client, fd } = await accepted();
    await client.answersTo({ flags: 'PA', data: text });
    client.seq += text.length;
    await control.becomes(`recv ${fd} 100 1`, text.length);
    await control.say(`close ${fd}`);
    await client.untilReset();
    const reset = client.heard.at(-1);
    assert.equal(reset?.tcp.seq, client.ack);
    const [refusal] = await client.answersTo({});
    assert.equal(refusal?.tcp.flags, 'R');
  });

  await ended('data for an application that has closed is refused (44)', async () => {
    const { client, fd } = await accepted();
    await control.say(`close ${fd}`);
    await client.untilFin();
    client.send({ ack: client.ack + 1 });
    await attack.passed();
    client.send({ flags: 'PA', ack: client.ack + 1, data: text });
    await client.untilReset();
  });

  await ended('FINs that cross are both acknowledged, and again if need be (39)', async () => {
    const { client, fd } = await accepted();
    await control.say(`shutdown ${fd} 1`);
    await client.untilFin();
    // It does not acknowledge theirs: that was on its way.
    const [ack] = (await client.answersTo({ flags: 'FA' })).filter(({ tcp }) => tcp.ack === client.seq + 1);
    assert.ok(ack);
    client.seq++;
    client.send({ ack: client.ack + 1 });
    await attack.passed();
    const again = await client.answersTo({ flags: 'FA', seq: client.seq - 1, ack: client.ack + 1 });
    assert.deepEqual(
      again.map(({ tcp }) => [tcp.flags, tcp.seq, tcp.ack]),
      [['A', client.ack + 1, client.seq]],
    );
    // A reset must not end what is remembered (RFC 1337).
    assert.deepEqual(await client.answersTo({ flags: 'R' }), []);
    const still = await client.answersTo({ flags: 'FA', seq: client.seq - 1, ack: client.ack + 1 });
    assert.equal(still[0]?.tcp.flags, 'A');
    await control.say(`close ${fd}`);
  });
});

async function servesHonestly(t: TestContext, control: Control): Promise<void> {
  const client = await KernelClient.connected(t);
  const fd = await control.until(`accept ${client.port}`);
  client.socket.write(text);
  await control.becomes(`recv ${fd} 100 1`, text.length);
  assert.equal(await control.say(`write ${fd} 700`), 700);
  assert.equal((await client.until(700)).length, 700);
  client.socket.destroy();
  await control.say(`close ${fd}`);
}
