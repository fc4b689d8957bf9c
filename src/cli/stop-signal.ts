/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once, and the routers' own timers take trials back. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1));
        resolve();
      });
    }
  });
}
