import type { Steering } from "../model/decision.ts";
import type { FlowName, Network } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import type { Measured } from "../model/signal.ts";
import { sharedWithLatency, steeredNetwork } from "../te/backbone.ts";

const signal = "path.shared";

/** Whether one of the policies looks at what flows share: the routers must then be read as often as telemetry comes. */
export function watchesSharedPaths(policies: readonly Policy[]): boolean {
  return policies.some(({ trigger, verify }) =>
    [trigger, ...verify.require, ...verify.forbid].some((one) => one.signal === signal),
  );
}

/** `path.shared` of every flow that has a path, as the headends steered them at `atMs`. */
export function sharedPaths(
  network: Network,
  steering: readonly Steering[],
  atMs: number,
): ReadonlyMap<FlowName, Measured> {
  const known = steeredNetwork(network, steering);
  if (!("steered" in known)) return new Map();
  return new Map(
    known.steered.flows.flatMap(({ flow, route }) => {
      if (!route) return [];
      return [[flow.name, { value: sharedWithLatency(known.steered, flow.name, route), fromMs: atMs, toMs: atMs }]];
    }),
  );
}

export function withSharedPaths(state: NetworkState, shared: ReadonlyMap<FlowName, Measured>): NetworkState {
  return { ...state, signals: new Map([...state.signals, [signal, shared]]) };
}
