/** The labs by kind, and how one is opened. */

import type { Lab, LabWish } from './lab.ts';
import { openLoopback } from './loopback.ts';
import { openNamespaces } from './namespaces.ts';

const labs: Record<Lab['kind'], (wish: LabWish) => Lab | Promise<Lab>> = {
  loopback: openLoopback,
  namespaces: openNamespaces,
};

/** @throws {Failure} exit status 2: the machine or our rights do not allow this lab; nothing of it is left. */
export async function openLab(kind: Lab['kind'], wish: LabWish): Promise<Lab> {
  return await labs[kind](wish);
}
