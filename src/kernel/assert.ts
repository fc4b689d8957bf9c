/** A broken invariant is a bug: it stops the loop and leaves the routers as last confirmed. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`);
}
