import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Device } from "../../src/model/inventory.ts";
import { end, fingerprint, freePort, requirePresent, says } from "./daemon.ts";

const parts = ["/usr/sbin/netconfd", "/usr/sbin/netconf-subsystem", "/usr/sbin/sshd", "/usr/bin/ssh-keygen"];
const yumaModules = "/usr/share/yuma/modules";

export type Netconfd = { device: Device; privateKey(): string; stop(): Promise<void> };

/** yuma123's netconfd behind OpenSSH's sshd, both on loopback and in a folder of their own. */
export async function startNetconfd(): Promise<Netconfd> {
  requirePresent([...parts, yumaModules], "netconfd, libyuma-base and openssh-server");
  const folder = mkdtempSync(join(tmpdir(), "netconfd-"));
  const { username } = userInfo();
  const at = (name: string) => join(folder, name);
  copyFileSync(new URL("./pointsman-test.yang", import.meta.url), at("pointsman-test.yang"));
  for (const key of ["host", "user"])
    execFileSync("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(key)]);
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // sshd as root insists on it
  const port = await freePort();
  const running: ChildProcess[] = [];
  const stop = async () => {
    for (const child of running.reverse()) await end(child);
    rmSync(folder, { recursive: true });
  };
  try {
    const socket = at("ncx.sock");
    const netconfd = spawn("/usr/sbin/netconfd", [
      "--module=pointsman-test",
      `--modpath=${folder}:${yumaModules}`,
      "--target=candidate",
      "--access-control=off",
      `--superuser=${username}`,
      "--no-startup",
      `--ncxserver-sockname=${socket}`,
      `--port=${port}`,
    ]);
    running.push(netconfd);
    await says(netconfd, "Running netconfd server");
    writeFileSync(
      at("sshd_config"),
      [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${at("host")}`,
        "PidFile none",
        `AuthorizedKeysFile ${at("user.pub")}`,
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "UsePAM no",
        "StrictModes no",
        "MaxStartups 200",
        `Subsystem netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname=${port}@${socket}"`,
      ].join("\n"),
    );
    const sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("sshd_config")]);
    running.push(sshd);
    await says(sshd, "Server listening");
  } catch (error) {
    await stop();
    throw error;
  }
  const hostKey = fingerprint(at("host.pub"));
  const management = { host: "127.0.0.1", port, username, privateKey: { file: at("user") }, hostKey };
  return {
    device: { name: "yuma", platform: "openconfig", management },
    privateKey: () => readFileSync(at("user"), "utf8"),
    stop,
  };
}
