import { InputDialog } from '@jupyterlab/apputils';
import { ended, type Store } from '../model/store';
import { IhpcError } from '../errors';
import type { ClusterView } from '../wire';
import { chooseCluster, chooseGroup } from './choose';
import { CommandIDs, type ICommandArgs } from './ids';
import type { ICommand } from './register';

/** How many workers: scale and adapt. */
export function sizing(store: Store): ICommand[] {
  return [
    {
      id: CommandIDs.scaleCluster,
      label: 'Scale Cluster…',
      caption: 'Set how many workers a cluster should have',
      failure: 'The cluster was not scaled',
      execute: args => scale(store, args)
    },
    {
      id: CommandIDs.adaptCluster,
      label: 'Let Cluster Follow Its Load…',
      caption: 'Set bounds between which workers come and go with the work',
      failure: 'The bounds were not set',
      execute: args => adapt(store, args)
    }
  ];
}

const mine = (cluster: ClusterView): boolean =>
  cluster.holder === null && !ended(cluster);

async function scale(store: Store, args: ICommandArgs): Promise<void> {
  const cluster = await chooseCluster(store, args.name, 'Scale which?', mine);
  const group = cluster && (await chooseGroup(cluster, args.group));
  if (!group) {
    return;
  }
  let { target } = args;
  if (target === undefined) {
    const answer = await InputDialog.getNumber({
      title: `Scale ${cluster.name}`,
      label: `Workers of group ${group.name}, from 0 to ${group.maximum}`,
      value: group.target,
      okLabel: 'Scale'
    });
    if (!answer.button.accept || answer.value === null) {
      return;
    }
    target = answer.value;
  }
  await store.patch(cluster.name, group.name, { target });
}

async function adapt(store: Store, args: ICommandArgs): Promise<void> {
  const cluster = await chooseCluster(store, args.name, 'Adapt which?', mine);
  const group = cluster && (await chooseGroup(cluster, args.group));
  if (!group) {
    return;
  }
  let { minimum, maximum } = args;
  if (minimum === undefined || maximum === undefined) {
    const most = group.adapt?.maximum ?? Math.max(1, group.target);
    const answer = await InputDialog.getText({
      title: `Let ${cluster.name} follow its load`,
      label: `Least and most workers of group ${group.name}, as “0-8”; at most ${group.maximum}`,
      text: `${group.adapt?.minimum ?? 0}-${most}`,
      okLabel: 'Follow the load'
    });
    if (!answer.button.accept) {
      return;
    }
    [minimum, maximum] = bounds(answer.value ?? '');
  }
  const idle = args.idle ?? group.adapt?.idle ?? 300;
  await store.patch(cluster.name, group.name, {
    adapt: { minimum, maximum, idle }
  });
}

function bounds(text: string): [number, number] {
  const match = /^\s*(\d+)\s*[-–]\s*(\d+)\s*$/.exec(text);
  if (!match) {
    throw new IhpcError(
      422,
      `“${text}” are no bounds.`,
      'Write the least and the most, for example 0-8.'
    );
  }
  return [Number(match[1]), Number(match[2])];
}
