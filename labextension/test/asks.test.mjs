import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Asks, wished } from '../lib/model/asks.js';
import { cluster, group } from './examples.mjs';

function begin() {
  const sent = [];
  const settled = [];
  const asks = new Asks(
    () => {},
    (name, answer) => settled.push(answer.groups[name].target)
  );
  const send = patch =>
    new Promise((resolve, reject) => sent.push({ patch, resolve, reject }));
  const answer = target =>
    cluster('a', { groups: { main: group({ target }) } });
  const ask = target => asks.ask('a', 'main', { target }, send);
  return { asks, ask, sent, settled, answer };
}

test('a wish shows at once, before anybody answered', () => {
  const { asks, ask } = begin();
  void ask(8);
  assert.equal(wished(group(), asks.of('a', 'main')).target, 8);
});

test('clicks during a request do not queue up: only the newest wish follows', async () => {
  const { asks, ask, sent, settled, answer } = begin();
  const all = ask(1);
  void ask(2);
  void ask(3);
  assert.equal(sent.length, 1);
  sent[0].resolve(answer(1));
  await new Promise(setImmediate);
  assert.deepEqual(
    sent.map(one => one.patch.target),
    [1, 3]
  );
  assert.equal(wished(group(), asks.of('a', 'main')).target, 3);
  sent[1].resolve(answer(3));
  await all;
  assert.deepEqual(settled, [3]);
  assert.equal(asks.of('a', 'main'), undefined);
});

test('a refusal takes the wish back and keeps the reason until it is read', async () => {
  const { asks, ask, sent } = begin();
  const done = ask(99);
  sent[0].reject(new Error('Lane interactive allows 16 workers.'));
  await done;
  const left = asks.of('a', 'main');
  assert.equal(wished(group({ target: 2 }), left).target, 2);
  assert.equal(left.error.message, 'Lane interactive allows 16 workers.');
  asks.dismiss('a', 'main');
  assert.equal(asks.of('a', 'main'), undefined);
});

test('a fixed target ends the following of the load, bounds begin it', () => {
  const adapt = { minimum: 0, maximum: 4, idle: 60 };
  const adaptive = group({ adapt });
  assert.equal(wished(adaptive, { patch: { target: 2 } }).adapt, null);
  const bounds = wished(adaptive, { patch: { adapt: { maximum: 9 } } }).adapt;
  assert.deepEqual(bounds, { minimum: 0, maximum: 9, idle: 60 });
});
