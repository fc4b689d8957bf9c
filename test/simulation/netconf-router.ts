import { netconfDevice } from "../../src/device/netconf/device.ts";
import { Failure } from "../../src/kernel/failure.ts";
import type { Random } from "../../src/kernel/random.ts";
import { canonicalXml, elements, escapeXml, parseXml, type XmlElement } from "../../src/kernel/xml.ts";
import { ConfirmedCommit, type TrialRequest } from "../../src/lab/netconf/confirmed-commit.ts";
import { assemble, Datastore } from "../../src/lab/netconf/datastore.ts";
import { Locks } from "../../src/lab/netconf/locks.ts";
import type { Router } from "../../src/lab/netconf/operations.ts";
import { Session } from "../../src/lab/netconf/session.ts";
import { applyFilter } from "../../src/lab/netconf/subtree-filter.ts";
import { announcements } from "../../src/lab/routing-policy.ts";
import type { DevicePort } from "../../src/model/device.ts";
import type { Device } from "../../src/model/inventory.ts";
import { type ForeignEdit, faultyTimers, type Life, type RouterParts, type SimulatedRouter } from "./router.ts";
import { rpcTimeoutMs, SimulatedSsh } from "./simulated-ssh.ts";
import { exportPolicy, network } from "./world.ts";

const namespace = "http://openconfig.net/yang/routing-policy";
/** The session id of whoever else writes. */
const stranger = 4_000_000;

/** A router that the real NETCONF driver changes: the lab's datastores, locks and confirmed commit, behind connections in memory. */
export class NetconfRouter implements SimulatedRouter {
  readonly device: string;
  readonly #description: Device;
  readonly #parts: RouterParts;
  readonly #latency: () => number;
  readonly #datastore: Datastore;
  readonly #locks = new Locks();
  readonly #sessions: Router["sessions"] = new Map();
  readonly #commit: WatchedCommit;
  readonly #router: Router;
  readonly #query: XmlElement;
  readonly #connections = new Set<SimulatedSsh>();
  readonly #startup: XmlElement;
  readonly #known = new WeakMap<XmlElement, { reading: string; announced: ReadonlyMap<string, number> }>();
  /** What each session last read of running. */
  readonly #seen = new Map<number, string>();
  #lastSession = 0;
  #downUntilMs = 0;

  constructor(description: Device, config: string, query: string, random: Random, parts: RouterParts) {
    this.device = description.name;
    this.#description = description;
    this.#parts = parts;
    this.#latency = () => 2 + random() * 40;
    this.#datastore = new Datastore(config);
    this.#startup = this.#datastore.running;
    this.#query = parseXml(`<filter>${query}</filter>`);
    const { faults, watch, trace } = parts;
    const commit = new WatchedCommit(this.#datastore, faultyTimers(parts, this.device), {
      begun: (token, before) => watch.trialBegun(this.device, token, this.#read(before)),
      confirmed: (token, before) => watch.trialConfirmed(this.device, token, this.#read(before)),
      reverted: (token, session, before) => {
        const seen = session === undefined ? "" : (this.#seen.get(session) ?? "");
        const how = session === undefined ? "by itself" : "asked";
        watch.trialReverted(this.device, token, how, this.#read(before), seen);
      },
      committed: (before) => watch.committed(this.device, this.#read(before)),
    });
    this.#commit = commit;
    this.#datastore.onRunningChanged(() => watch.changed(this.device));
    const device = this.device;
    this.#router = {
      datastore: this.#datastore,
      locks: this.#locks,
      confirmedCommit: commit,
      sessions: this.#sessions,
      confirmedCommitVersion: "1.1",
      faults: {
        // Replies are lost on their way, see simulated-ssh.ts.
        loseReplyTo: undefined,
        // What a confirming commit claims cannot be read back: only the others lie.
        get lieOnCommit() {
          const lies = commit.token === null && faults.hits("lying-commit");
          if (lies) trace.add(device, "answers ok to a commit, and applies nothing");
          return lies;
        },
      },
      onOperation: (name) => {
        trace.add(this.device, name);
        if (name === "lock") watch.locking(this.device);
      },
    };
  }

  get onTrial(): string | null {
    return this.#commit.token;
  }

  driver(life: Life): DevicePort {
    return netconfDevice({
      device: this.#description,
      clock: life.clock,
      rpcTimeoutMs,
      resolveSecret: async () => "",
      connect: () => this.#connect(life),
    });
  }

  forget(life: Life): void {
    for (const connection of [...this.#connections]) if (connection.life === life) connection.destroy();
  }

  reading(): string {
    return this.#read(this.#datastore.running);
  }

  announced(): ReadonlyMap<string, number> {
    return this.#knownOf(this.#datastore.running).announced;
  }

  write(edit: ForeignEdit): boolean {
    if (this.#isLocked("running")) return false;
    this.#merge(edit.kind === "prepends" ? prependEdit(edit.prefix, edit.to) : additionEdit(edit.name));
    return true;
  }

  mend(text: string): void {
    // The whole section: what is not in it goes.
    const others = elements(this.#datastore.running).filter((one) => one.namespace !== namespace);
    const config = { ...this.#datastore.running, children: others };
    this.#datastore.restore(assemble(config, elements(parseXml(`<config>${text}</config>`))));
  }

  reboot(into: "running" | "startup"): void {
    this.#downUntilMs = this.#parts.clock.now() + 5_000 + this.#latency() * 500;
    for (const connection of [...this.#connections]) connection.lose();
    // RFC 6241 8.4.1: what is on trial does not outlive a reboot.
    this.#commit.rebooted();
    if (into === "startup") this.#datastore.restore(this.#startup);
  }

  lock(forMs: number): void {
    for (const target of ["running", "candidate"] as const) {
      if (this.#isLocked(target)) continue;
      if (target === "candidate" && this.#datastore.modified) continue;
      this.#locks.acquire(target, stranger);
      this.#parts.clock.after(forMs, () => {
        if (this.#locks.isHeldBy(target, stranger)) this.#locks.release(target, stranger);
      });
    }
  }

  #isLocked(target: "running" | "candidate"): boolean {
    try {
      this.#locks.assertNotHeld(target);
      return false;
    } catch {
      return true;
    }
  }

  #merge(edit: string): void {
    const content = elements(parseXml(`<config>${edit}</config>`));
    this.#datastore.restore(assemble(this.#datastore.running, content));
  }

  #connect(life: Life): Promise<SimulatedSsh["client"]> {
    const { clock, faults, trace } = this.#parts;
    return new Promise((resolve, reject) => {
      clock.after(this.#latency() * 4, () => {
        if (!life.alive) return;
        if (clock.now() < this.#downUntilMs || faults.hits("session-dropped")) {
          trace.add(this.device, "cannot be connected to");
          return reject(new Failure("DEVICE_UNREACHABLE", `${this.device} does not answer`, { retry: "later" }));
        }
        const connection = new SimulatedSsh({
          ...{ device: this.device, life, clock, faults, trace, latency: this.#latency },
          accept: (transport) => {
            this.#lastSession += 1;
            const session = new Session(this.#lastSession, this.#router, transport);
            const id = this.#lastSession;
            return {
              receive: (bytes) => {
                this.#commit.asker = id;
                // What it last saw is what the answer to a get-config of running says.
                if (bytes.includes("<source><running/></source>")) this.#seen.set(id, this.reading());
                session.receive(bytes);
                this.#commit.asker = undefined;
              },
              end: () => session.end(),
            };
          },
          onEnd: () => this.#connections.delete(connection),
        });
        this.#connections.add(connection);
        resolve(connection.client);
      });
    });
  }

  #read(running: XmlElement): string {
    return this.#knownOf(running).reading;
  }

  #knownOf(running: XmlElement) {
    let known = this.#known.get(running);
    if (!known) {
      const { children } = applyFilter(running, this.#query);
      const reading = elements({ ...running, children })
        .map((child) => canonicalXml(child))
        .join("");
      const originated = network.prefixes;
      known = { reading, announced: announcements(running, exportPolicy, originated) };
      this.#known.set(running, known);
    }
    return known;
  }
}

type CommitWatch = Readonly<{
  begun(token: string, before: XmlElement): void;
  confirmed(token: string, before: XmlElement): void;
  reverted(token: string, session: number | undefined, before: XmlElement): void;
  committed(before: XmlElement): void;
}>;

/** The lab's confirmed commit, telling what it does. */
class WatchedCommit extends ConfirmedCommit {
  token: string | null = null;
  /** The session whose request is being worked off. */
  asker: number | undefined;
  readonly #store: Datastore;
  readonly #watch: CommitWatch;

  constructor(datastore: Datastore, clock: ConstructorParameters<typeof ConfirmedCommit>[1], watch: CommitWatch) {
    super(datastore, {
      now: () => clock.now(),
      after: (ms, task) =>
        clock.after(ms, () => {
          const [before, token] = [datastore.running, this.token];
          this.token = null;
          // A timer that fires once more finds nothing on trial.
          if (token !== null) task();
          if (token !== null) watch.reverted(token, undefined, before);
        }),
    });
    this.#store = datastore;
    this.#watch = watch;
  }

  override commit(session: number, persistId: string | undefined, trial: TrialRequest | undefined): void {
    const [before, token] = [this.#store.running, this.token];
    super.commit(session, persistId, trial);
    this.token = trial?.persist ?? null;
    if (trial) this.#watch.begun(trial.persist ?? "", before);
    else if (token !== null) this.#watch.confirmed(token, before);
    else this.#watch.committed(before);
  }

  override cancel(session: number, persistId: string | undefined): void {
    const [before, token] = [this.#store.running, this.token];
    super.cancel(session, persistId);
    this.token = null;
    this.#watch.reverted(token ?? "", this.asker, before);
  }

  rebooted(): void {
    const { token } = this;
    if (token === null) return;
    const before = this.#store.running;
    super.cancel(0, token);
    this.token = null;
    this.#watch.reverted(token, undefined, before);
  }
}

function prependEdit(prefix: string, to: number): string {
  const name = escapeXml(`own-${prefix.replace("/", "-")}`);
  return `<routing-policy xmlns="${namespace}"><policy-definitions><policy-definition><name>${exportPolicy}</name>
    <statements><statement><name>${name}</name><actions>
      <bgp-actions xmlns="http://openconfig.net/yang/bgp-policy">
        <set-as-path-prepend><config><repeat-n>${to}</repeat-n><asn>${network.as}</asn></config></set-as-path-prepend>
      </bgp-actions></actions></statement></statements>
  </policy-definition></policy-definitions></routing-policy>`;
}

function additionEdit(name: string): string {
  return `<routing-policy xmlns="${namespace}"><defined-sets><prefix-sets><prefix-set>
    <name>${name}</name><config><name>${name}</name></config></prefix-set></prefix-sets></defined-sets></routing-policy>`;
}
