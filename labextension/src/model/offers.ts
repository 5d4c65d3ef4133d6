import type { SiteStatus, StartOffer, StartOffers } from '../wire';
import { type IDraft, OWN } from './draft';
import { bytes, duration, many } from './words';

/** Below this many seconds a start is not called sooner: schedulers count in passes. */
const LITTLE = 60;

/** What an offer is: "2 × 4 cores, 8 GiB, for 30 min, in lane batch"; of another site with its name. */
export function inWords(
  { workers, shape, time_limit, lane, site }: StartOffer,
  told: StartOffers
): string {
  const each = [many(shape.cores, 'core'), bytes(shape.memory)];
  if (shape.gpus) {
    each.push(many(shape.gpus, 'GPU'));
  }
  const times = workers > 1 ? `${workers} × ` : '';
  const where = site === told.site ? lane : `${lane} at ${site}`;
  return `${times}${each.join(', ')}, for ${duration(time_limit)}, in lane ${where}`;
}

/** By how many seconds an offer starts before the job itself and a twin of it; null where that is not so, or not known. */
export function sooner(offer: StartOffer, told: StartOffers): number | null {
  const asked = told.offers[0]?.expected_start ?? Infinity;
  const before = Math.min(asked, told.job_start ?? Infinity);
  if (offer.expected_start === null || before === Infinity) {
    return null;
  }
  const seconds = before - offer.expected_start;
  return seconds >= LITTLE ? seconds : null;
}

/** The offer as a form of a new cluster. */
export function asDraft(
  offer: StartOffer,
  status: SiteStatus
): Partial<IDraft> {
  const { shape, workers, lane, time_limit } = offer;
  const same = Object.entries(status.site.shapes).find(
    ([, one]) =>
      one.cores === shape.cores &&
      one.memory === shape.memory &&
      one.gpus === shape.gpus &&
      one.processes === shape.processes
  );
  return {
    site: status.site.name,
    lane,
    shape: same ? same[0] : OWN,
    own: shape,
    adaptive: false,
    target: workers * shape.processes,
    minutes: Math.ceil(time_limit / 60)
  };
}

/** The offer as the first line of an urgent cell; null where it is more than one job. */
export function urgentLine(offer: StartOffer): string | null {
  const { workers, site, shape, lane, time_limit } = offer;
  if (workers > 1) {
    return null;
  }
  const words = [
    `--site ${site}`,
    `--lane ${lane}`,
    `--cores ${shape.cores}`,
    `--memory ${Math.ceil(shape.memory / 2 ** 20)}MiB`,
    ...(shape.gpus ? [`--gpus ${shape.gpus}`] : []),
    `--time ${Math.ceil(time_limit)}s`
  ];
  return `%%urgent ${words.join(' ')}\n`;
}
