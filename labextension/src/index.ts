import { clusterPlugin } from './plugins/cluster';
import { commandsPlugin } from './plugins/commands';
import { dashboardPlugin } from './plugins/dashboard';
import { endingPlugin } from './plugins/ending';
import { modelPlugin } from './plugins/model';
import { notificationsPlugin } from './plugins/notifications';
import { queuePlugin } from './plugins/queue';
import { rendererPlugin } from './plugins/renderer';
import { responsivenessPlugin } from './plugins/responsiveness';
import { sideBarPlugin } from './plugins/sidebar';
import { statusPlugin } from './plugins/status';

export default [
  modelPlugin,
  commandsPlugin,
  sideBarPlugin,
  dashboardPlugin,
  clusterPlugin,
  queuePlugin,
  rendererPlugin,
  responsivenessPlugin,
  statusPlugin,
  endingPlugin,
  notificationsPlugin
];
