import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTemplates } from "../../src/app/load-templates.ts";
import { queryFor } from "../../src/change/query.ts";
import type { Templates } from "../../src/change/templates.ts";
import { finalStates } from "../../src/model/change.ts";
import type { Policy } from "../../src/model/policy.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { DeadManRouter } from "./dead-man-router.ts";
import { Facts } from "./facts.ts";
import { type FaultKind, Faults, streamOf } from "./faults.ts";
import { diskIsWhatWasWritten, Host } from "./host.ts";
import { always, atConfirm, atPush, atUndo, whenQuiet } from "./invariants.ts";
import { Judge, type Violation } from "./judge.ts";
import { NetconfRouter } from "./netconf-router.ts";
import { People } from "./people.ts";
import type { RouterParts, RouterWatch, SimulatedRouter } from "./router.ts";
import { Sources } from "./telemetry.ts";
import { Trace, type TraceLine } from "./trace.ts";
import { Traffic } from "./traffic.ts";
import { demands, links, network, startupOf, policy as usual } from "./world.ts";

export type Run = Readonly<{
  seed: number;
  violation?: Violation;
  /** Two runs of one seed have the same. */
  digest: string;
  lines: readonly TraceLine[];
  /** What came of it, so that a reader sees that something happened. */
  pushes: number;
  confirmed: number;
}>;

export type RunOptions = Readonly<{ seed: number; minutes?: number; leftOut?: ReadonlySet<FaultKind> }>;

let templates: Promise<Templates> | undefined;
/** In memory where there is such a folder: the journal's file is real, the disk need not be. */
const scratch = process.platform === "linux" ? "/dev/shm" : tmpdir();

/** One seed, for so many simulated minutes and then until all is quiet. Ends early when an invariant does not hold. */
export async function simulate({ seed, minutes = 30, leftOut = new Set() }: RunOptions): Promise<Run> {
  templates ??= loadTemplates();
  const folder = await mkdtemp(join(scratch, "pointsman-simulation-"));
  try {
    const simulation = new Simulation(seed, leftOut, folder, await templates);
    return await simulation.run(minutes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every promise that can go on goes on: nothing here waits for anything but the simulated clock. */
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

class Simulation {
  readonly #seed: number;
  readonly #clock = new SimulatedClock();
  readonly #faults: Faults;
  readonly #trace: Trace;
  readonly #routers: ReadonlyMap<string, SimulatedRouter>;
  readonly #facts: Facts;
  readonly #judge: Judge;
  readonly #traffic: Traffic;
  readonly #sources: Sources;
  readonly #host: Host;
  readonly #people: People;
  /** When what is on trial there began. */
  readonly #trialMs = new Map<string, number>();
  #secondIsDue = false;

  constructor(seed: number, leftOut: ReadonlySet<FaultKind>, folder: string, templates: Templates) {
    this.#seed = seed;
    const clock = this.#clock;
    this.#faults = new Faults(seed, leftOut);
    const faults = this.#faults;
    this.#trace = new Trace(() => clock.now());
    const trace = this.#trace;
    const parts: RouterParts = { clock, faults, trace, watch: this.#watch() };
    this.#routers = new Map(links.map((link) => [link.device, routerFor(link, seed, templates, parts)]));
    this.#facts = new Facts(this.#routers, () => clock.now());
    this.#judge = new Judge(this.#facts);
    this.#traffic = new Traffic(this.#routers, clock.now());
    const shared = { clock, faults, trace, facts: this.#facts, judge: this.#judge, routers: this.#routers };
    const random = streamOf(seed, "controller");
    this.#host = new Host({ ...shared, templates, folder, random, policy: policyOf(seed) });
    this.#sources = new Sources({ clock, faults, trace, traffic: this.#traffic }, (batch) => {
      const { running } = this.#host;
      if (!running) return;
      for (const { link } of batch.samples) this.#facts.stamps.add(`${link} ${batch.stampMs}`);
      running.telemetry.take(batch, clock.now());
    });
    this.#people = new People({ random: streamOf(seed, "people"), host: this.#host, facts: this.#facts, trace });
    this.#begin();
  }

  async run(minutes: number): Promise<Run> {
    await this.#until(this.#clock.now() + minutes * 60_000);
    await this.#calmDown();
    const { running } = this.#host;
    if (running && !this.#judge.violation) {
      this.#judge.ask(whenQuiet);
      this.#judge.found("diskIsWhatWasWritten", await diskIsWhatWasWritten(running.journal, this.#facts));
    }
    this.#host.kill("the end");
    await this.#host.tend();
    const { violation } = this.#judge;
    const changes = [...this.#facts.changes.values()];
    return {
      ...{ seed: this.#seed, digest: this.#trace.digest(), lines: this.#trace.lines },
      ...(violation ? { violation } : {}),
      pushes: new Set(this.#facts.deeds.map(({ token }) => token)).size,
      confirmed: changes.filter(({ state }) => state === "confirmed").length,
    };
  }

  /** One timer's task at a time, with all that follows from it, and every invariant after it. */
  async #until(endMs: number, done: () => boolean = () => false): Promise<void> {
    while (!this.#judge.violation && !done()) {
      await this.#host.tend();
      await settle();
      if (this.#secondIsDue) {
        this.#secondIsDue = false;
        if (this.#host.running)
          this.#judge.found("onlyOneController", (await this.#host.startSecond()) ? "two run" : undefined);
      }
      this.#judge.ask(always);
      if (!this.#clock.step(endMs)) return;
    }
  }

  /** Faults stop, a person stops everything and sees to what is stuck; then all must come to an end. */
  async #calmDown(): Promise<void> {
    const [clock, facts] = [this.#clock, this.#facts];
    this.#faults.calm();
    this.#sources.calm();
    this.#host.makeRoom();
    this.#trace.add("simulation", "all is calm");
    const wait = (ms: number, done: () => boolean) => this.#until(clock.now() + ms, done);
    await wait(600_000, () => this.#host.isWell);
    await wait(1_000, () => false);
    const { running } = this.#host;
    if (!running || this.#judge.violation) return;
    void running.controller.kill("eve", "the end");
    const states = () => [...facts.changes.values()].map(({ state }) => state);
    await wait(600_000, () => states().every((state) => finalStates.includes(state) || state === "stuck"));
    for (const change of facts.changes.values()) {
      if (change.state !== "stuck") continue;
      for (const { device, basis, expected } of change.plan.steps) {
        const router = this.#routers.get(device);
        if (!router || router.reading() === basis || router.reading() === expected) continue;
        router.mend(basis);
        facts.setByOthers(device, "a person", new Map(router.announced()));
      }
      void running.controller.rollback(change.id, "ann", "mended");
    }
    await wait(600_000, () => states().every((state) => finalStates.includes(state)));
  }

  #begin(): void {
    for (const [device, router] of this.#routers) {
      for (const kind of ["reboot-to-running", "reboot-to-startup"] as const)
        this.#keep(kind, () => this.#reboot(router, kind));
      this.#keep("lock-contention", () => {
        this.#trace.add(device, "is locked by another");
        router.lock(this.#faults.random("lock-contention") * 30_000);
      });
      this.#keep("another-writer", () => this.#write(router, "another-writer"));
    }
    this.#keep("second-controller", () => {
      this.#secondIsDue = true;
    });
    const people = () => {
      if (!this.#faults.isCalm) this.#people.look();
      this.#clock.after(5_000, people);
    };
    people();
    this.#keepOffering(streamOf(this.#seed, "traffic"));
  }

  #keep(kind: FaultKind, task: () => void): void {
    const nextMs = this.#faults.nextMs(kind);
    if (nextMs === undefined) return;
    this.#clock.after(nextMs, () => {
      if (!this.#faults.isCalm) task();
      this.#keep(kind, task);
    });
  }

  #keepOffering(random: () => number): void {
    this.#clock.after(random() * 200_000, () => {
      const listed = [...demands];
      const [prefix, rates] = listed[Math.floor(random() * listed.length)] ?? [];
      const rate = random() < 0.5 ? rates?.at(-1) : rates?.[Math.floor(random() * rates.length)];
      if (prefix !== undefined && rate !== undefined) this.#traffic.offered.set(prefix, rate);
      this.#traffic.change(this.#clock.now());
      this.#keepOffering(random);
    });
  }

  #reboot(router: SimulatedRouter, kind: "reboot-to-running" | "reboot-to-startup" | "reboot-during-trial"): void {
    const { device } = router;
    const into = kind === "reboot-to-startup" ? "startup" : "running";
    this.#trace.add(device, `reboots into ${into}`);
    router.reboot(into);
    const link = links.find((one) => one.device === device);
    if (link) this.#traffic.octets.set(link.name, 0);
    if (into === "startup") this.#facts.setByOthers(device, "startup", new Map(router.announced()));
  }

  #write(router: SimulatedRouter, kind: "another-writer" | "writer-during-trial" | "writer-at-lock"): void {
    const { device } = router;
    const luck = this.#faults.random(kind);
    const announced = [...router.announced().keys()];
    const prefix = announced[Math.floor(this.#faults.random(kind) * announced.length)] ?? "";
    const to = 1 + Math.floor(this.#faults.random(kind) * 3);
    const name = `OTHER-${this.#clock.now()}`;
    const edit = luck < 0.5 ? ({ kind: "addition", name } as const) : ({ kind: "prepends", prefix, to } as const);
    // Nobody can tell the same value from the one that stands there.
    const isNew = router.announced().get(prefix) !== to;
    const written = router.write(edit);
    this.#trace.add(device, `another writer ${written ? "writes" : "is kept out with"} ${JSON.stringify(edit)}`);
    if (written && isNew && edit.kind === "prepends")
      this.#facts.setByOthers(device, "another writer", new Map([[prefix, to]]));
  }

  #watch(): RouterWatch {
    const at = (device: string, what: string) => this.#trace.add(device, what);
    return {
      trialBegun: (device, token, before) => {
        at(device, `has ${token} on trial`);
        this.#judge.ask(atPush, { device, token, before });
        this.#facts.did("trial", device, token);
        this.#trialMs.set(device, this.#clock.now());
        this.#disturb(device);
      },
      trialConfirmed: (device, token, before) => {
        at(device, `has ${token} for good`);
        this.#judge.ask(atConfirm, { device, token, before });
        this.#facts.did("confirmed", device, token);
      },
      trialReverted: (device, token, how, before, seen) => {
        at(device, `goes back ${how} from ${token}`);
        const expected = this.#facts.stepTakenBack(device)?.expected;
        if (how === "asked") this.#judge.ask(atUndo, { device, before, expected, seen });
        this.#facts.did("reverted", device, token);
        if (this.#restoresAll(device)) this.#facts.forgetOthers(device, this.#trialMs.get(device) ?? 0);
      },
      committed: (device, before) => {
        at(device, "is edited back");
        const step = this.#facts.stepTakenBack(device);
        this.#judge.ask(atUndo, { device, before, expected: step?.expected, seen: before });
        const change = [...this.#facts.changes.values()].find(({ state }) => state === "rolling-back");
        if (change) this.#facts.takenBack(device, change);
      },
      locking: (device) => {
        const router = this.#routers.get(device);
        if (!router || !this.#faults.hits("writer-at-lock")) return;
        this.#clock.after(this.#faults.random("writer-at-lock") * 1_000, () => {
          if (!this.#faults.isCalm) this.#write(router, "writer-at-lock");
        });
      },
      changed: () => this.#traffic.change(this.#clock.now()),
    };
  }

  /** A confirmed commit that reverts puts the whole of running back (RFC 6241 8.4), others' edits included. */
  #restoresAll(device: string): boolean {
    return network.devices.find(({ name }) => name === device)?.platform === "openconfig";
  }

  /** What goes wrong while something is on trial. */
  #disturb(device: string): void {
    const [clock, faults, router] = [this.#clock, this.#faults, this.#routers.get(device)];
    if (!router) return;
    for (const [kind, task] of [
      ["writer-during-trial", () => this.#write(router, "writer-during-trial")],
      ["reboot-during-trial", () => this.#reboot(router, "reboot-during-trial")],
    ] as const) {
      if (!faults.hits(kind)) continue;
      clock.after(faults.random(kind) * 60_000, () => {
        if (!faults.isCalm) task();
      });
    }
  }
}

function routerFor(
  link: (typeof links)[number],
  seed: number,
  templates: Templates,
  parts: RouterParts,
): SimulatedRouter {
  const random = streamOf(seed, link.device);
  const device = network.devices.find(({ name }) => name === link.device);
  if (!device) throw new Error(`no device ${link.device}`);
  if (link.platform === "frr") return new DeadManRouter(link.device, startupOf(link), random, parts);
  return new NetconfRouter(device, startupOf(link), queryFor(templates, network, device), random, parts);
}

/** Some run in auto, some want two people. */
function policyOf(seed: number): Policy {
  if (seed % 3 === 0) return { ...usual, mode: "auto" };
  return seed % 3 === 1 ? usual : { ...usual, approve: { ...usual.approve, people: 2 } };
}
