import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { delay } from '../lib/model/backoff.js';
import { Feed } from '../lib/model/feed.js';
import { change, cluster, run, snapshot } from './examples.mjs';

class Source {
  sockets = [];
  asked = 0;
  answer = () => Promise.reject(new Error('nobody answers'));

  stream() {
    const socket = { close() {} };
    this.sockets.push(socket);
    return socket;
  }

  snapshot() {
    this.asked += 1;
    return this.answer();
  }

  say(message) {
    this.sockets.at(-1).onmessage({ data: JSON.stringify(message) });
  }
}

const settle = () => new Promise(resolve => setImmediate(resolve));

function begin(t) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const source = new Source();
  const feed = new Feed(source);
  t.after(() => {
    feed.dispose();
    mock.timers.reset();
  });
  feed.connect();
  return { source, feed };
}

test('the first message makes it live', t => {
  const { source, feed } = begin(t);
  assert.equal(feed.status.live, false);
  source.say(change(3, 'snapshot', { snapshot: snapshot(3, [cluster('a')]) }));
  assert.equal(feed.status.live, true);
  assert.equal(feed.state.clusters[0].name, 'a');
});

test('after a gap the snapshot is fetched and what came meanwhile is kept', async t => {
  const { source, feed } = begin(t);
  source.say(change(3, 'snapshot', { snapshot: snapshot(3) }));
  let reply;
  source.answer = () => new Promise(resolve => (reply = resolve));
  source.say(change(7, 'cluster', { cluster: cluster('late') }));
  source.say(change(8, 'cluster', { cluster: cluster('later') }));
  assert.equal(source.asked, 1);
  reply(snapshot(7, [cluster('late'), cluster('missed')]));
  await settle();
  const names = feed.state.clusters.map(one => one.name).sort();
  assert.deepEqual(names, ['late', 'later', 'missed']);
  assert.equal(feed.state.revision, 8);
});

test('a run that came while the snapshot was on its way is kept', async t => {
  const { source, feed } = begin(t);
  source.say(change(3, 'snapshot', { snapshot: snapshot(3) }));
  let reply;
  source.answer = () => new Promise(resolve => (reply = resolve));
  source.say(change(7, 'run-gone', { name: 'a' }));
  source.say(change(8, 'run', { run: run('c') }));
  reply(snapshot(7, [], [run('b')]));
  await settle();
  assert.deepEqual(feed.state.runs.map(one => one.id).sort(), ['b', 'c']);
});

test('many gaps ask for one snapshot a second', async t => {
  const { source } = begin(t);
  source.say(change(1, 'snapshot', { snapshot: snapshot(1) }));
  source.answer = () => Promise.resolve(snapshot(1));
  for (let revision = 10; revision < 100; revision += 10) {
    source.say(change(revision, 'cluster', { cluster: cluster('a') }));
    await settle();
  }
  assert.equal(source.asked, 1);
  mock.timers.tick(1000);
  assert.equal(source.asked, 2);
});

test('a broken stream keeps what is known, says why, and is opened again', async t => {
  const { source, feed } = begin(t);
  source.say(change(3, 'snapshot', { snapshot: snapshot(3, [cluster('a')]) }));
  source.sockets[0].onclose();
  await settle();
  assert.equal(feed.status.live, false);
  assert.equal(feed.status.error.message, 'nobody answers');
  assert.equal(feed.state.clusters.length, 1);
  assert.ok(feed.status.retryAt >= feed.now());
  mock.timers.tick(600);
  assert.equal(source.sockets.length, 2);
});

test('silence counts as a broken stream', async t => {
  const { source, feed } = begin(t);
  source.say(change(3, 'snapshot', { snapshot: snapshot(3) }));
  mock.timers.tick(20_000);
  source.say(change(3, 'ping'));
  mock.timers.tick(20_000);
  assert.equal(feed.status.live, true);
  mock.timers.tick(20_000);
  await settle();
  assert.equal(feed.status.live, false);
});

test('pauses grow to half a minute at most, and are never the same for all', () => {
  assert.equal(
    delay(0, () => 1),
    0.5
  );
  assert.equal(
    delay(3, () => 1),
    4
  );
  assert.equal(
    delay(50, () => 1),
    30
  );
  assert.equal(
    delay(50, () => 0),
    15
  );
});
