import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  beside,
  count,
  figure,
  measured,
  steps,
  summarise
} from '../lib/model/figures.js';
import { Measuring } from '../lib/model/measuring.js';
import { align, panels } from '../lib/model/panels.js';

const NONE = summarise([], 900, 0);

function series(metric, labels, more = {}) {
  const kept = { lately: NONE, baseline: NONE, points: [], ...more };
  return { metric, unit: 'seconds', labels, ...kept };
}

const told = (revision, all = []) => ({ at: 1000, revision, series: all });

test('values are read in the unit that fits them', () => {
  const all = [0, 0.000012, 0.0004, 0.0123, 0.9999, 3.24, 12, 320];
  assert.deepEqual(
    all.map(value => measured(value, 'seconds')),
    ['0 s', '12 µs', '0.4 ms', '12 ms', '1 s', '3.2 s', '12 s', '5 min 20 s']
  );
  assert.equal(measured(0.421, 'ratio'), '42 %');
});

test('the marks of an axis of time can be read: no 1 min 40 s, no two of the same words', () => {
  const words = steps('seconds').map(step => measured(step, 'seconds'));
  assert.equal(new Set(words).size, words.length);
  assert.ok(
    words.every(word => /^[0-9]+(\.[0-9])? (µs|ms|s|min|h|d)$/.test(word)),
    words
  );
  for (const unit of ['seconds', 'count', 'bytes']) {
    const all = steps(unit);
    assert.ok(
      all.every((step, i) => i === 0 || step > all[i - 1]),
      unit
    );
  }
});

test('a lower bound says so, and nothing is said of nothing', () => {
  assert.equal(figure({ value: 3, at_least: true }, 'seconds'), '≥ 3 s');
  assert.equal(figure(null, 'seconds'), '–');
  assert.equal(beside(0.42, null), '0.42 (–)');
  assert.equal(count({ ...NONE, count: 5, waiting: 2 }), '5, 2 still waiting');
});

test('own measurements are summarised by nearest rank within the window', () => {
  const points = Array.from({ length: 100 }, (_, i) => ({
    at: i,
    value: i + 1
  }));
  const all = summarise(points, 900, 110);
  assert.deepEqual(
    [all.count, all.p50.value, all.p95.value, all.maximum.value, all.age],
    [100, 50, 95, 100, 11]
  );
  assert.ok(Math.abs(all.variation - 0.5745) < 0.001);
  assert.equal(summarise(points, 20, 110).count, 10);
  assert.equal(summarise([], 20, 110).p50, null);
});

test('lines share one row of moments', () => {
  const lines = [
    {
      points: [
        { at: 1, value: 10 },
        { at: 3, value: 30 }
      ]
    },
    { points: [{ at: 2, value: 20 }] }
  ];
  assert.deepEqual(align(lines), [
    [1, 2, 3],
    [10, null, 30],
    [null, 20, null]
  ]);
});

test('waits and cores stand one below the other, by lane; sites only where there are several', () => {
  const one = [
    series('queue_wait', { site: 'hpc', lane: 'urgent' }),
    series('queue_wait', { site: 'hpc', lane: 'batch' }),
    series('cores_used', { site: 'hpc', lane: 'batch' })
  ];
  const own = { browser: [{ at: 990, value: 0.01 }], agent: [] };
  const shown = panels(told(1, one), own, 900);
  assert.deepEqual(
    shown.slice(0, 2).map(panel => panel.lines.map(line => line.name)),
    [['batch', 'urgent'], ['batch']]
  );
  const trips = shown.find(panel => panel.id === 'trips');
  assert.equal(trips.lines[0].lately.count, 1);
  const two = [...one, series('queue_wait', { site: 'here', lane: 'batch' })];
  assert.deepEqual(
    panels(told(1, two), own, 900)[0].lines.map(line => line.name),
    ['batch on here', 'batch on hpc', 'urgent on hpc']
  );
});

function source() {
  return {
    asked: [],
    answer: told(7),
    responsiveness(window, after) {
      this.asked.push([window, after]);
      return this.answer instanceof Error
        ? Promise.reject(this.answer)
        : Promise.resolve(
            after === this.answer.revision ? undefined : this.answer
          );
    },
    roundTrip: () => Promise.resolve({ browser: 0.02, agent: 0.001 })
  };
}

const next = signal =>
  new Promise(resolve => {
    const once = () => {
      signal.disconnect(once);
      resolve();
    };
    signal.connect(once);
  });

test('it asks while somebody looks, for what it does not have, and keeps what it has', async () => {
  const from = source();
  const measuring = new Measuring(from);
  assert.equal(from.asked.length, 0);
  measuring.look();
  await next(measuring.changed);
  assert.equal(measuring.told.revision, 7);
  assert.deepEqual(measuring.own.browser, [{ at: 1000, value: 0.02 }]);
  measuring.look();
  await next(measuring.changed);
  assert.deepEqual(from.asked, [
    [900, -1],
    [900, 7]
  ]);
  assert.equal(measuring.told.revision, 7);
  from.answer = new Error('away');
  measuring.look();
  await next(measuring.changed);
  assert.equal(measuring.error.message, 'away');
  assert.equal(measuring.told.revision, 7);
  measuring.dispose();
});

test('another window is asked for at once', async () => {
  const from = source();
  const measuring = new Measuring(from);
  measuring.look();
  await next(measuring.changed);
  measuring.choose(3600);
  await next(measuring.changed);
  assert.deepEqual(from.asked.at(-1), [3600, -1]);
  measuring.dispose();
});
