/** What the areas of test/ do: what is in no list floods, or measures what a flood does. */

/** They compute, and watch no clock. */
export const computing = new Set([
  'judge',
  'measurement',
  'net',
  'net-links',
  'net-simulation',
  'net-wire',
  'plan',
  'protocol',
  'report',
  'simulator',
  'tidy',
]);

/** They wait more than they work. */
export const waiting = new Set([
  'compose',
  'conformance',
  'control',
  'coordinator',
  'dashboards',
  'exporter',
  'k6',
  'page',
  'roles',
]);
