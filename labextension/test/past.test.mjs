import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { measured } from '../lib/model/figures.js';
import { joined } from '../lib/model/log.js';
import { asDraft, sooner, urgentLine } from '../lib/model/offers.js';
import { Past } from '../lib/model/past.js';
import { extremes, pastPanels } from '../lib/model/pastPanels.js';

const settle = () => new Promise(resolve => setImmediate(resolve));

function timeline(revision, window = 900) {
  return {
    ...{ cluster: 'a', at: 30, revision, window, moments: [10, 20] },
    ...{ requested: [0, 0], pending: [3, 0], starting: [0, 1] },
    ...{ working: [0, 2], lost: [0, 0], tasks: [null, 5] },
    ...{ processing: [null, 2], memory: [null, 2 ** 30] },
    ...{ memory_limit: [null, 2 ** 31], transfer: [null, null] }
  };
}

test('what was not heard is not drawn', () => {
  const panels = pastPanels(timeline(1));
  const of = id => panels.find(panel => panel.id === id);
  const [working] = of('workers').lines;
  assert.deepEqual(extremes(working, 'count'), ['2', '0', '2']);
  const [used] = of('memory').lines;
  assert.deepEqual(used.points, [{ at: 20, value: 2 ** 30 }]);
  assert.deepEqual(extremes(used, 'bytes'), ['1 GiB', '1 GiB', '1 GiB']);
  const [sent] = of('transfer').lines;
  assert.deepEqual(extremes(sent, 'bytes/s'), ['–', '–', '–']);
  assert.equal(measured(3 * 2 ** 20, 'bytes/s'), '3 MiB/s');
});

test('the past is asked for while somebody looks, from the revision that is known', async t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const asked = [];
  const answers = [timeline(4), undefined, timeline(5, 3600)];
  const past = new Past('a', {
    timeline: (name, window, after) => {
      asked.push([name, window, after]);
      return Promise.resolve(answers.shift());
    }
  });
  t.after(() => {
    past.dispose();
    mock.timers.reset();
  });
  past.look();
  await settle();
  assert.equal(past.told.revision, 4);
  mock.timers.tick(2500);
  await settle();
  past.choose(3600);
  await settle();
  assert.deepEqual(asked, [
    ['a', 900, -1],
    ['a', 900, 4],
    ['a', 3600, -1]
  ]);
  past.rest();
  mock.timers.tick(10_000);
  await settle();
  assert.equal(asked.length, 3);
});

const offer = more => ({
  ...{ what: 'half', site: 'bed', lane: 'batch', workers: 1, time_limit: 90 },
  ...{ expected_start: 100, price: 1, told: '' },
  shape: { cores: 4, memory: 2 ** 30, gpus: 1, processes: 1 },
  ...more
});

test('an offer is sooner, a form, or an urgent cell', () => {
  const told = { offers: [offer({ expected_start: 1000 })], job_start: null };
  assert.equal(sooner(offer(), told), 900);
  assert.equal(sooner(offer({ expected_start: 980 }), told), null);
  assert.equal(sooner(offer({ expected_start: null }), told), null);
  assert.equal(sooner(offer(), { ...told, job_start: 400 }), 300);
  assert.equal(sooner(offer(), { ...told, job_start: 90 }), null);
  assert.equal(sooner(offer(), { offers: [], job_start: null }), null);
  assert.equal(
    urgentLine(offer()),
    '%%urgent --site bed --lane batch --cores 4 --memory 1024MiB --gpus 1 --time 90s\n'
  );
  assert.equal(urgentLine(offer({ workers: 2 })), null);
  const shapes = { big: offer().shape };
  const draft = asDraft(offer({ workers: 3 }), {
    site: { name: 'bed', shapes }
  });
  assert.equal(draft.shape, 'big');
  assert.deepEqual([draft.target, draft.minutes], [3, 2]);
});

test('a log goes on where it ended, and begins anew where it was cut', () => {
  const tail = (start, text, more = {}) => ({
    ...{ job_id: '1', path: '/l', truncated: false, start, text },
    end: start + text.length,
    ...more
  });
  const first = tail(0, 'ab');
  assert.equal(joined(first, tail(2, '')), first);
  const both = joined(first, tail(2, 'cd'));
  assert.deepEqual([both.text, both.start, both.end], ['abcd', 0, 4]);
  assert.equal(joined(both, tail(0, 'x')).text, 'x');
  const skipped = joined(both, tail(9, 'z', { truncated: true }));
  assert.deepEqual([skipped.text, skipped.truncated], ['z', true]);
});
