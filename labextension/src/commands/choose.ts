import { pick } from '../dialogs/Pick';
import type { Store } from '../model/store';
import { IhpcError } from '../errors';
import type { ClusterView, GroupView } from '../wire';

/** The cluster called *name*, or one that the person picks; null where they pick none. */
export async function chooseCluster(
  store: Store,
  name: string | undefined,
  title: string,
  fits: (cluster: ClusterView) => boolean = () => true
): Promise<ClusterView | null> {
  if (name === undefined) {
    const names = store.state.clusters.filter(fits).map(one => one.name);
    if (!names.length) {
      throw new IhpcError(
        404,
        'There is no cluster to choose.',
        'Make one with “New cluster” in the side bar or the palette.'
      );
    }
    const picked = await pick(title, names);
    return picked === null ? null : (store.cluster(picked) ?? null);
  }
  const cluster = store.cluster(name);
  if (!cluster) {
    throw new IhpcError(
      404,
      `There is no cluster ${name}.`,
      'It may have been stopped and forgotten; the side bar lists what there is.'
    );
  }
  return cluster;
}

/** The group called *group* of a cluster, its only one, or one that the person picks. */
export async function chooseGroup(
  cluster: ClusterView,
  group: string | undefined
): Promise<GroupView | null> {
  const name =
    group ??
    (await pick(`Group of ${cluster.name}`, Object.keys(cluster.groups)));
  return name === null ? null : (cluster.groups[name] ?? null);
}
