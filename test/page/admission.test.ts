import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Admission, type Caller, Gate } from '../../coordinator/page/admission.ts';
import { LoginCookie } from '../../coordinator/page/login-cookie.ts';

const token = 'a-token-of-thirty-characters!!';
const nobody: Caller = {
  host: '127.0.0.1:9465',
  origin: undefined,
  authorization: undefined,
  cookie: undefined,
};

test('admit() without a token answers to names of loopback, and to no page but its own', () => {
  const gate = new Gate(null, null);
  const cases: [Partial<Caller>, Admission][] = [
    [{}, 'granted'],
    [{ host: 'localhost:9465' }, 'granted'],
    [{ host: '[::1]:9465' }, 'granted'],
    [{ host: '127.8.9.10' }, 'granted'],
    [{ origin: 'http://127.0.0.1:9465' }, 'granted'],
    [{ host: 'localhost:80', origin: 'http://localhost:80' }, 'place'],
    [{ host: 'localhost', origin: 'http://localhost:80' }, 'granted'],
    [{ origin: 'http://127.0.0.1:1234' }, 'place'],
    [{ origin: 'http://localhost:9465' }, 'place'],
    [{ origin: 'https://evil.example' }, 'place'],
    [{ origin: 'null' }, 'place'],
    [{ origin: '' }, 'place'],
    [{ origin: 'file://127.0.0.1:9465' }, 'place'],
    [{ host: 'evil.example:9465' }, 'place'],
    [{ host: 'evil.example:9465', origin: 'http://evil.example:9465' }, 'place'],
    [{ host: '127.0.0.1.evil.example' }, 'place'],
    [{ host: 'localhost.evil.example' }, 'place'],
    [{ host: '192.0.2.1:9465' }, 'place'],
    [{ host: 'lab-1' }, 'place'],
    [{ host: undefined }, 'place'],
    [{ host: 'user@127.0.0.1' }, 'place'],
  ];
  for (const [change, wanted] of cases)
    assert.equal(gate.admit({ ...nobody, ...change }), wanted, JSON.stringify(change));
});

test('admit() with a token answers to any name, for those who show it, and to no page but its own', () => {
  const cookie = new LoginCookie(token);
  const gate = new Gate(token, cookie);
  const held = cookie.make().split(';', 1)[0] ?? '';
  const cases: [Partial<Caller>, Admission][] = [
    [{}, 'token'],
    [{ authorization: `Bearer ${token}` }, 'granted'],
    [{ authorization: `bearer   ${token}` }, 'granted'],
    [{ authorization: `Basic ${token}` }, 'token'],
    [{ authorization: `Bearer ${token}x` }, 'token'],
    [{ authorization: 'Bearer' }, 'token'],
    [{ cookie: held }, 'granted'],
    [{ cookie: `other=1; ${held}; more=2` }, 'granted'],
    [{ cookie: held.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }, 'token'],
    [{ cookie: held.replace(/=\d+/, '=9999999999') }, 'token'],
    [{ cookie: `stampede=${token}` }, 'token'],
    [{ host: '192.0.2.1:9465', authorization: `Bearer ${token}` }, 'granted'],
    [{ host: 'coordinator.lab:9465', authorization: `Bearer ${token}` }, 'granted'],
    [{ host: 'evil.example', origin: 'http://evil.example' }, 'token'],
    [{ host: 'a b', authorization: `Bearer ${token}` }, 'place'],
    [{ origin: 'https://evil.example', authorization: `Bearer ${token}` }, 'place'],
  ];
  for (const [change, wanted] of cases)
    assert.equal(gate.admit({ ...nobody, ...change }), wanted, JSON.stringify(change));
});

test('LoginCookie is not the token, ends after twelve hours, and is another one for another token', () => {
  let nowMs = Date.UTC(2025, 0, 1);
  const cookie = new LoginCookie(token, () => nowMs);
  const made = cookie.make();
  assert.match(made, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  assert.ok(!made.includes(token));
  const held = made.split(';', 1)[0] ?? '';
  assert.ok(cookie.isIn(held));
  assert.ok(new LoginCookie(token, () => nowMs).isIn(held), 'the next run with the same token takes it too');
  assert.ok(!new LoginCookie(`${token}2`, () => nowMs).isIn(held));
  nowMs += 12 * 3_600_000;
  assert.ok(!cookie.isIn(held));
});
