import type {
  ClusterView,
  CreateCluster,
  Lane,
  Shape,
  SiteStatus
} from '../wire';

/** Shape that a person describes instead of taking one of the site's. */
export const OWN = ' own';

/** What stands in the form of a new cluster. */
export interface IDraft {
  name: string;
  site: string;
  lane: string;
  /** A shape of the site by name, or `OWN`. */
  shape: string;
  own: Shape;
  adaptive: boolean;
  target: number;
  minimum: number;
  maximum: number;
  /** Of each job; the lane's own time where nobody says otherwise. */
  minutes: number | null;
  account: string;
}

/** The part of a draft that is worth remembering for the next time. */
export type Remembered = Partial<Omit<IDraft, 'name'>>;

const GIB = 2 ** 30;

/** "cluster", or the first "cluster-2", "cluster-3", … that is free. */
export function freeName(taken: readonly string[]): string {
  let name = 'cluster';
  for (let n = 2; taken.includes(name); n++) {
    name = `cluster-${n}`;
  }
  return name;
}

/** A form to start from: the last choices as far as they still exist. */
export function firstDraft(
  sites: readonly SiteStatus[],
  clusters: readonly ClusterView[],
  last: Remembered
): IDraft {
  const status = sites.find(one => one.site.name === last.site) ?? sites[0];
  const lanes = Object.keys(status.site.lanes);
  return onSite(status, {
    name: freeName(clusters.map(one => one.name)),
    site: status.site.name,
    lane: lanes.includes('interactive') ? 'interactive' : lanes[0],
    shape: Object.keys(status.site.shapes)[0],
    own: { cores: 1, memory: GIB, gpus: 0, processes: 1 },
    adaptive: false,
    target: 2,
    minimum: 0,
    maximum: 4,
    minutes: null,
    account: '',
    ...last
  });
}

/** The draft with lane, shape and account that *status* really offers. */
export function onSite(status: SiteStatus, draft: IDraft): IDraft {
  const { lanes, shapes, name } = status.site;
  const own = draft.shape === OWN;
  const lane =
    draft.lane in lanes
      ? draft.lane
      : 'interactive' in lanes
        ? 'interactive'
        : Object.keys(lanes)[0];
  return {
    ...draft,
    site: name,
    lane,
    minutes: draft.site === name ? draft.minutes : null,
    shape: own || draft.shape in shapes ? draft.shape : Object.keys(shapes)[0],
    account: status.accounts.includes(draft.account)
      ? draft.account
      : (status.accounts[0] ?? '')
  };
}

export function shapeOf(draft: IDraft, status: SiteStatus): Shape {
  return status.site.shapes[draft.shape] ?? draft.own;
}

/** Core-hours per hour that the draft may cost at most. */
export function hourly(draft: IDraft, lane: Lane, shape: Shape): number {
  const workers = draft.adaptive ? draft.maximum : draft.target;
  const jobs = Math.ceil(workers / shape.processes);
  return jobs * shape.cores * lane.cost_factor;
}

export function toSpec(draft: IDraft): CreateCluster {
  const { minimum, maximum } = draft;
  return {
    name: draft.name,
    site: draft.site,
    account: draft.account || null,
    groups: {
      main: {
        lane: draft.lane,
        shape: draft.shape === OWN ? draft.own : draft.shape,
        time_limit: draft.minutes === null ? null : 60 * draft.minutes,
        ...(draft.adaptive
          ? { target: minimum, adapt: { minimum, maximum } }
          : { target: draft.target })
      }
    }
  };
}
