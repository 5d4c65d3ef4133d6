import { LabIcon } from '@jupyterlab/ui-components';

const svg = (body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">${body}</svg>`;

/** Three racks of nodes, one of them rising. */
export const hpcIcon = new LabIcon({
  name: 'ihpc:hpc',
  svgstr: svg(
    '<g class="jp-icon3 jp-icon-selectable" fill="#616161">' +
      '<path d="M3 12.5h4.6V21H3zm1.3 1.6v1.4h2v-1.4zm0 3v1.4h2v-1.4z" fill-rule="evenodd"/>' +
      '<path d="M9.7 8h4.6v13H9.7zm1.3 1.6V11h2V9.6zm0 3V14h2v-1.4zm0 3V17h2v-1.4z" fill-rule="evenodd"/>' +
      '<path d="M16.4 3H21v18h-4.6zm1.3 1.6V6h2V4.6zm0 3V9h2V7.6zm0 3V12h2v-1.4zm0 3V15h2v-1.4z" fill-rule="evenodd"/>' +
      '</g>'
  )
});

/** A bolt: run this cell now. */
export const urgentIcon = new LabIcon({
  name: 'ihpc:urgent',
  svgstr: svg(
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M14 2 4.5 13.6h6L9.2 22 19 10.2h-6.2z"/>'
  )
});

/** Jobs in a row, the first of them on its way. */
export const queueIcon = new LabIcon({
  name: 'ihpc:queue',
  svgstr: svg(
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M3 4h18v4H3zm0 6h13v4H3zm0 6h8v4H3zm13 0 5 2-5 2z"/>'
  )
});

/** A line that rises and falls over a time axis. */
export const responsivenessIcon = new LabIcon({
  name: 'ihpc:responsiveness',
  svgstr: svg(
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M3 3h2v16h16v2H3zm4.3 12.3L6 13.7l4.2-4.6 3.4 3.3L19.5 5 21 6.3l-7.3 9.1-3.4-3.3z"/>'
  )
});
