import { createSocket } from "node:dgram";

/**
 * Runs in a machine of the lab: UDP packets of `bytes` octets (IPv4 header included) to a target, `perSecond` of them, until it is ended. Each
 * starts with its number and the moment it was sent, by the clock that all namespaces of a kernel share.
 */
const [target = "", port, bytes, perSecond] = process.argv.slice(2);
const socket = createSocket("udp4");
const packet = Buffer.alloc(Number(bytes) - 28);
const [every, start] = [1_000 / Number(perSecond), performance.now()];
let sent = 0;

// Timers are late now and then; what is due goes out at once.
function sendDue(): void {
  while (sent * every <= performance.now() - start) {
    packet.writeUInt32BE(sent, 0);
    packet.writeBigUInt64BE(process.hrtime.bigint(), 4);
    socket.send(Buffer.from(packet), Number(port), target);
    sent += 1;
  }
}
setInterval(sendDue, Math.max(2, Math.min(every, 10)));
console.log("ready");
