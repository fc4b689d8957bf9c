import type { Decision, PredictionError } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import { queueName, type SignalName } from "../model/signal.ts";
import { isSaturated } from "../te/link-limits.ts";

/** Less than this of a link is not a prediction that it changes. */
const noChange = 1e-6;

/**
 * How far the effect of a change was from what was predicted of it: the largest |predicted - measured| over all that the
 * prediction says changes, as a share of the link's capacity. Undefined where nothing of that is known: no data is no error,
 * and no success.
 *
 * - Of a link, utilisation in the direction that the action moves. Predicted is what was measured right before the commit, plus the change
 *   that was promised, and never below nothing: traffic that came or went while a proposal waited is not the prediction's doing. Of a link that was full
 *   nothing is said, as nobody knows what it was offered.
 * - Of a queue, what is carried of its class. One that drops nothing and carries less than was promised is offered less, as applications may
 *   have been asked to: that is no error.
 *
 * `fresh`: a value measured since the push. Delays are left out: of a path what is predicted is propagation, and what is measured
 * has queueing in it.
 */
export function predictionError(
  { decision, network, before }: Readonly<{ decision: Decision; network: Network; before: NetworkState }>,
  fresh: (signal: SignalName, name: string) => number | undefined,
): PredictionError | undefined {
  const compared = decision.predicted.queues ? ofQueues() : ofLinks();
  return compared.reduce<PredictionError | undefined>(
    (worst, one) => (worst && worst.error >= one.error ? worst : one),
    undefined,
  );

  function ofLinks(): PredictionError[] {
    const signal = utilisationMoved(decision);
    return decision.predicted.links.flatMap(({ link, before: from, after: to }) => {
      const promised = to.utilisation - from.utilisation;
      const was = before.signals.get(signal)?.get(link)?.value;
      const measured = fresh(signal, link);
      if (Math.abs(promised) < noChange || was === undefined || measured === undefined) return [];
      const capacity = network.links.find(({ name }) => name === link)?.capacity;
      if (capacity === undefined || isSaturated({ capacity }, was * capacity)) return [];
      return [missed(link, Math.max(0, was + promised), measured)];
    });
  }

  function ofQueues(): PredictionError[] {
    return (decision.predicted.queues ?? []).flatMap(({ link, class: name, after }) => {
      const queue = queueName(link, name);
      const [carried, dropped] = [fresh("queue.rate", queue), fresh("queue.drops", queue)];
      const capacity = network.links.find((one) => one.name === link)?.capacity;
      if (carried === undefined || dropped === undefined || capacity === undefined) return [];
      const offersLess = dropped === 0 && carried < after.carried;
      return [missed(queue, (offersLess ? carried : after.carried) / capacity, carried / capacity)];
    });
  }
}

const missed = (of: string, predicted: number, measured: number): PredictionError => ({
  ...{ of, predicted, measured },
  error: Math.abs(predicted - measured),
});

function utilisationMoved({ action }: Decision): SignalName {
  switch (action) {
    case "bgp-prepend":
    case "anycast-drain":
      return "link.utilisation.in";
    case "segment-routing":
    case "qos":
      return "link.utilisation.out";
  }
}
