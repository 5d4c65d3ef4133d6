import { performance } from 'node:perf_hooks';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  exit,
  idOf,
  keysOf,
  kept,
  matching,
  ordered,
  reach,
  sizes,
  totals
} from '../lib/model/queue.js';
import { Queues } from '../lib/model/queues.js';

function row(id, more = {}) {
  return {
    id,
    user: 'me',
    name: 'sleeper',
    state: 'PENDING',
    reason: 'Priority',
    reason_text: 'Jobs with a higher priority are ahead in the queue.',
    lane: 'batch',
    partition: 'batch',
    qos: '',
    account: 'lab',
    cores: 4,
    nodes: 1,
    memory: 2 ** 30,
    gpus: 0,
    time_limit: 3600,
    exit_code: null,
    node: '',
    restarts: 0,
    submitted_at: 10,
    expected_start: null,
    started_at: null,
    ends_at: null,
    count: 1,
    elements: '',
    mine: true,
    belongs: 'none',
    owner: '',
    state_text: '',
    ...more
  };
}

test('an array is written as the batch system writes it', () => {
  assert.equal(idOf(row('8')), '8');
  assert.equal(idOf(row('8_3', { count: 5, elements: '3-7' })), '8_[3-7]');
});

test('a fold is known again when its jobs start and its reason changes', () => {
  const fold = more => row('8_0', { count: 9, state: 'PENDING', ...more });
  const before = keysOf([fold({ reason: 'None' })]);
  const later = [row('8_0', { state: 'RUNNING' }), fold({ id: '8_1' })];
  assert.equal(keysOf(later)[1], before[0]);
  const two = [fold({ reason: 'Resources' }), fold({ reason: 'Priority' })];
  assert.equal(new Set(keysOf(two)).size, 2);
});

test('what a job asks for, and what it ended with', () => {
  assert.deepEqual(sizes(row('8', { nodes: 2, gpus: 1 })), [
    '4 cores',
    '2 nodes',
    '1 GiB',
    '1 GPU'
  ]);
  assert.equal(exit(row('8', { exit_code: 0 })), '', 'it has not ended');
  assert.equal(
    exit(row('8', { state: 'FAILED', exit_code: 3 })),
    'exit code 3'
  );
  assert.equal(exit(row('8', { state: 'FAILED', exit_code: -9 })), 'signal 9');
});

test('a filter takes the rows that have all its words, wherever', () => {
  const rows = [row('1'), row('2', { lane: 'gpu' }), row('3', { user: 'eve' })];
  const ids = text => matching(rows, text).map(one => one.id);
  assert.deepEqual(ids(''), ['1', '2', '3']);
  assert.deepEqual(ids('GPU'), ['2']);
  assert.deepEqual(ids('eve priority'), ['3']);
  assert.deepEqual(ids('eve gpu'), []);
});

test('an order keeps mine first, and what is not known last either way', () => {
  const rows = [
    row('3', { expected_start: 30 }),
    row('2', { mine: false, expected_start: 1 }),
    row('1', { expected_start: 10 }),
    row('4')
  ];
  const ids = order => ordered(rows, order).map(one => one.id);
  assert.deepEqual(ids(null), ['3', '2', '1', '4']);
  assert.deepEqual(ids({ column: 'start', down: false }), ['1', '3', '4', '2']);
  assert.deepEqual(ids({ column: 'start', down: true }), ['3', '1', '4', '2']);
  assert.deepEqual(ids({ column: 'id', down: false }), ['1', '3', '4', '2']);
});

test('a cancellation says how many jobs it ends', () => {
  const rows = [
    row('8_0', { state: 'RUNNING' }),
    row('8_1', { count: 90, elements: '1-90' }),
    row('8_95', { reason: 'JobHeldUser' }),
    row('8_96', { state: 'CANCELLED' }),
    row('9_1', { count: 3, elements: '1-3' })
  ];
  assert.deepEqual(reach(rows[0], rows), {
    id: '8_0',
    waiting: false,
    jobs: 1
  });
  assert.deepEqual(reach(rows[1], rows), { id: '8', waiting: true, jobs: 91 });
});

test('what is not mine, has ended, or is of a cluster stays', () => {
  assert.equal(kept(row('1')), null);
  assert.equal(kept(row('1', { mine: false })), '');
  assert.equal(kept(row('1', { state: 'COMPLETED' })), '');
  assert.match(
    kept(row('1', { belongs: 'cluster', owner: 'demo' })),
    /cluster demo/
  );
  assert.match(kept(row('1', { belongs: 'run', owner: 'ab' })), /run ab/);
  assert.equal(
    kept(row('1', { belongs: 'cluster' })),
    null,
    'nobody here looks after it'
  );
});

test('ten thousands of rows are filtered and sorted at once', () => {
  const rows = Array.from({ length: 20000 }, (_, n) =>
    row(`${n}`, { cores: n % 64 })
  );
  const began = performance.now();
  const found = ordered(matching(rows, 'sleeper batch'), {
    column: 'size',
    down: true
  });
  assert.equal(found[0].cores, 63);
  assert.ok(performance.now() - began < 500);
});

test('totals', () => {
  const told = [
    { state: 'PENDING', jobs: 12000, cores: 1 },
    { state: 'RUNNING', jobs: 3, cores: 1 }
  ];
  assert.equal(totals({ totals: told }), '12,000 PENDING, 3 RUNNING');
});

const site = (asked_at, name = 'here') => ({
  site: { name },
  asked_at,
  health: 'up'
});

function begin(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const asked = [];
  const jobs = (name, everybody) =>
    new Promise((resolve, reject) =>
      asked.push({ name, everybody, resolve, reject })
    );
  const queues = new Queues({ jobs }, () => {});
  t.after(() => queues.dispose());
  const settle = async () => {
    for (let n = 0; n < 5; n++) {
      await Promise.resolve();
    }
  };
  return { queues, asked, settle, tick: ms => t.mock.timers.tick(ms) };
}

test('nobody who looks, no question; then one for each answer of the batch system', async t => {
  const { queues, asked, settle, tick } = begin(t);
  queues.follow([site(1)]);
  tick(5000);
  assert.equal(asked.length, 0);
  const looking = queues.look();
  tick(0);
  assert.equal(asked.length, 1);
  queues.follow([site(1)]);
  asked[0].resolve({ rows: [1] });
  await settle();
  tick(5000);
  assert.equal(asked.length, 1, 'nothing new was said');
  for (let n = 2; n < 40; n++) {
    queues.follow([site(n)]);
  }
  tick(1000);
  assert.equal(asked.length, 2, 'at most one a second, whatever comes');
  looking.dispose();
  asked[1].resolve({ rows: [2] });
  await settle();
  queues.follow([site(99)]);
  tick(5000);
  assert.equal(asked.length, 2);
  assert.deepEqual(queues.of('here').queue.rows, [2]);
});

test('the agent is told that somebody looks: again and again, and only while the page is seen', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const looks = [];
  const jobs = (name, everybody, look) => {
    looks.push(look);
    return Promise.resolve({ rows: [] });
  };
  const page = Object.assign(new globalThis.EventTarget(), { hidden: false });
  const queues = new Queues({ jobs }, () => {}, page);
  t.after(() => queues.dispose());
  const pass = async ms => {
    t.mock.timers.tick(ms);
    for (let n = 0; n < 9; n++) {
      await Promise.resolve();
    }
  };
  queues.follow([site(1)]);
  const looking = queues.look();
  await pass(1000);
  assert.deepEqual(looks, [true]);
  await pass(24_000);
  await pass(0);
  assert.ok(looks.length >= 2, 'a look is renewed');
  assert.ok(looks.every(Boolean));
  page.hidden = true;
  looks.length = 0;
  queues.follow([site(2)]);
  await pass(1000);
  await pass(60_000);
  assert.deepEqual(looks, [false], 'news are read, and nobody sees them');
  page.hidden = false;
  page.dispatchEvent(new globalThis.Event('visibilitychange'));
  await pass(1000);
  assert.deepEqual(looks, [false, true], 'seen again: asked at once');
  looking.dispose();
  page.hidden = true;
  looks.length = 0;
  const always = queues.look(true);
  await pass(1000);
  assert.deepEqual(looks, [true], 'who wants to be told looks in any case');
  always.dispose();
  await pass(60_000);
  assert.deepEqual(looks, [true]);
});

test('a failure stands beside what was known', async t => {
  const { queues, asked, settle } = begin(t);
  void queues.ask('here', true);
  void queues.ask('here', true);
  assert.equal(asked.length, 1, 'one question at a time');
  asked[0].resolve({ rows: [1] });
  await settle();
  void queues.ask('here', true);
  asked[1].reject(new Error('silent'));
  await settle();
  const { queue, error } = queues.of('here', true);
  assert.deepEqual(queue.rows, [1]);
  assert.match(error.message, /silent/);
});
