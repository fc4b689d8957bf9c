/** What the benchmarked routers send: every counter of every interface, with full paths, over and over. */
export const routers = 8;
export const interfaces = 64;
export const counters = ["in-octets", "out-octets", "in-pkts", "out-pkts", "in-discards", "out-discards"] as const;

export const routerName = (router: number) => `edge-${router}`;
export const interfaceName = (index: number) => `Ethernet${Math.floor(index / 8)}/${index % 8}`;
