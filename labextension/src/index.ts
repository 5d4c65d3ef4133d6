import { commandsPlugin } from './plugins/commands';
import { dashboardPlugin } from './plugins/dashboard';
import { modelPlugin } from './plugins/model';
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
  queuePlugin,
  rendererPlugin,
  responsivenessPlugin,
  statusPlugin
];
