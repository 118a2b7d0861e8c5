/**
 * What a person asked of the simulator that it cannot do: a name that is not there, a number out of range, a machine file
 * with a hole. The command line ends with status 2 on it; anything else that is thrown here is a mistake of ours.
 */

export class SimulationInputError extends Error {
  override readonly name = 'SimulationInputError';
}
