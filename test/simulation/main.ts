import { simulate } from "./simulate.ts";
const seed = Number(process.argv[2] ?? 1);
const n = Number(process.argv[3] ?? 1);
const t = process.cpuUsage();
for (let s = seed; s < seed + n; s++) {
  const r = await simulate({ seed: s });
  if (n === 1) for (const l of r.lines) console.log(new Date(l.atMs).toISOString().slice(11), l.about.padEnd(10), l.what);
  console.log(s, r.violation ?? "", r.digest.slice(0, 8), r.lines.length, r.pushes, r.confirmed);
}
const u = process.cpuUsage(t);
console.log((u.user + u.system) / 1e6 / n, "s a seed");
