import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { EndWatch, isClose, timeLeft } from '../lib/model/ending.js';

const here = ends_at => ({ site: 'bed', job: { id: '7', ends_at } });

function begin(t) {
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const warned = [];
  const watch = new EndWatch(
    () => now,
    left => warned.push(Math.round(left))
  );
  t.after(() => {
    watch.dispose();
    mock.timers.reset();
  });
  const pass = seconds => {
    for (let second = 0; second < seconds; second++) {
      now += 1;
      mock.timers.tick(1000);
    }
  };
  return { watch, warned, pass };
}

test('it warns ten and two minutes before the end, once each', t => {
  const { watch, warned, pass } = begin(t);
  watch.follow(8000);
  pass(7399);
  assert.deepEqual(warned, []);
  pass(2);
  assert.deepEqual(warned, [600]);
  watch.follow(8000);
  pass(480);
  assert.deepEqual(warned, [600, 120]);
  pass(300);
  assert.deepEqual(warned, [600, 120]);
});

test('who comes late is warned at once, and of the nearest alone', t => {
  const { watch, warned, pass } = begin(t);
  watch.follow(100);
  assert.deepEqual(warned, [100]);
  pass(200);
  assert.deepEqual(warned, [100]);
});

test('an end that was put off is warned of anew, one that is not known changes nothing', t => {
  const { watch, warned, pass } = begin(t);
  watch.follow(500);
  watch.follow(null);
  watch.follow(500);
  assert.deepEqual(warned, [500]);
  watch.follow(3000);
  pass(2400);
  assert.deepEqual(warned, [500, 600]);
});

test('the time that is left in words', () => {
  assert.equal(timeLeft(here(600), 30), '9 min 30 s left');
  assert.equal(timeLeft(here(600), 700), 'time is up');
  assert.equal(timeLeft(here(null), 700), '');
  assert.equal(isClose(here(1000), 300), false);
  assert.equal(isClose(here(1000), 400), true);
  assert.equal(isClose(here(null), 400), false);
});
