/** The cells of a scenario: the cross product of the levels of its factors, variants varying fastest. */

import type { Cell } from '../../protocol/cell.ts';
import type { Scenario } from '../../protocol/scenario.ts';

export function cellsOf(scenario: Scenario): Cell[] {
  const { factors } = scenario;
  const cells: Cell[] = [];
  for (const cores of factors.cores)
    for (const engine of factors.engine)
      for (const messages of factors.messages)
        for (const requestBytes of factors.requestBytes)
          for (const responseBytes of factors.responseBytes)
            for (const close of factors.close)
              for (const concurrency of factors.concurrency ?? [null])
                for (const rate of factors.rate ?? [null])
                  for (const variant of factors.variant)
                    cells.push({
                      variant,
                      cores,
                      engine,
                      messages,
                      requestBytes,
                      responseBytes,
                      close,
                      concurrency,
                      rate,
                    });
  return cells;
}
