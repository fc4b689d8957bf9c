import type { Namespace } from "./namespace.ts";

/** A machine's own /run, /etc, /tmp and /var/lib, which go with it. */
export async function ownFolders(namespace: Namespace): Promise<void> {
  await namespace.script(`
    mount -t tmpfs tmpfs /run
    cp -a /etc /run/etc
    mount --bind /run/etc /etc
    mount -t tmpfs tmpfs /tmp
    mount -t tmpfs tmpfs /var/lib
    mount -t tmpfs tmpfs /var/tmp
    mkdir -m 755 /run/sshd`);
}
