import { unpack } from "../ssh-shell/packed.ts";
import { open, outlivesSession, type RouterFunctions } from "../ssh-shell/trial-scripts.ts";

/** Needs no state folder. Prints running and then the whole configuration. */
export const readRunning = `
said=$(vtysh -c 'show running-config' 2>&1) && echo running || echo failed
printf '%s\\n' "$said"
`;

/**
 * $1 is what vtysh said: its exit code is 0 even when the YANG layer threw a line out, so its words are read too. Debian keeps
 * vtysh.conf from accounts that are only in frrvty, and vtysh remarks on that every time.
 */
const accepted = `
accepted() {
  ! grep -v 'vtysh\\.conf' "$1" | grep -qE '^(line [0-9]+: )?%'
}
`;

/**
 * state, with basis and forward on stdin: vtysh's syntax check, then the router's own bgpd as a candidate datastore: a second,
 * isolated one (no zebra, no port, no privileges, own socket) that reads basis and forward and shows what it made of them. That
 * proves more than frr-reload.py --test, which compares texts and knows nothing of ranges or of what bgpd rewrites.
 * \`timeout\` bounds its life whatever happens to this session. Prints syntax|apply|candidate and then vtysh's own words.
 */
export const tryOut = `${open}${unpack}${accepted}${outlivesSession}
bgpd=
for path in /usr/lib/frr/bgpd /usr/libexec/frr/bgpd /usr/sbin/bgpd; do
  [ ! -x "$path" ] || { bgpd=$path; break; }
done
[ -n "$bgpd" ] || { echo no-bgpd; exit 0; }
d=$(mktemp -d "$state/check.XXXXXX") || exit 1
pid=
trap '[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }; rm -rf "$d"' EXIT
trap 'exit 1' HUP INT PIPE TERM
unpack "$d" || { echo cut-short; exit 0; }
vtysh -C -f "$d/forward" > "$d/said" 2>&1 && accepted "$d/said" || { echo syntax; cat "$d/said"; exit 0; }
timeout 60 "$bgpd" -S -Z -p 0 -P 0 --vty_socket "$d" -i "$d/pid" -f /dev/null > "$d/log" 2>&1 &
pid=$!
i=0
until [ -S "$d/bgpd.vty" ]; do
  i=$((i + 1))
  [ "$i" -le 200 ] && kill -0 "$pid" || { echo no-bgpd; cat "$d/log"; exit 0; }
  sleep 0.05
done
cat "$d/basis" "$d/forward" > "$d/all"
vtysh --vty_socket "$d" -f "$d/all" > "$d/said" 2>&1 && accepted "$d/said" || { echo apply; cat "$d/said"; exit 0; }
echo candidate
vtysh --vty_socket "$d" -c 'show running-config'
`;

/**
 * $1 is the trial's folder. 0: every statement that `inverse` or `forward` enters stands in running, with the verdict that one of
 * the two gives it (which one, a half-sent payload leaves open); 3: one does not, and it is named; 1: vtysh finds no daemon. Entering
 * `route-map X permit 10` makes that statement if it is gone and turns a `deny 10` of someone else into a permit, which
 * announces everything that it matches. Running may hold passwords, so it never becomes a file.
 */
export const frrFunctions: RouterFunctions = {
  stands: `
stands() {
  said=$(timeout 60 vtysh -c 'show running-config') || return 1
  printf '%s\\n' "$said" | tail -n 1 | grep -qx end || return 1
  entered=$(sed -n 's/^ *//; s/ *$//; /^route-map /p' "$1/inverse" "$1/forward")
  printf '%s\\n' "$entered" | while read -r _ name verdict sequence; do
    [ -n "$name" ] || continue
    for either in permit deny; do
      entry="route-map $name $either $sequence"
      printf '%s\\n' "$entered" | grep -xF -- "$entry" > /dev/null || continue
      printf '%s\\n' "$said" | grep -xF -- "$entry" > /dev/null && continue 2
    done
    echo "does not stand in running: route-map $name $verdict $sequence"
    exit 3
  done
}
`,
  sendForward: `${accepted}
send_forward() {
  timeout 60 vtysh -f "$1/forward" > "$1/answer" 2>&1 && accepted "$1/answer" || { cat "$1/answer"; return 1; }
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    timeout 60 vtysh -c "$line" < /dev/null > "$1/answer" 2>&1 && accepted "$1/answer" || { cat "$1/answer"; return 1; }
  done < "$1/activate"
}
`,
  // vtysh ends with 1 when it finds no daemon (they may be restarting), and with 2 at a line that is refused.
  sendInverse: `
send_inverse() {
  vtysh -f "$1/inverse"
  rc=$?
  [ "$rc" -ne 1 ] || return 1
  while IFS= read -r line; do
    [ -z "$line" ] || vtysh -c "$line" < /dev/null
  done < "$1/inverse-activate"
  return "$rc"
}
`,
};

export const saveFunctions = `
save_running() {
  vtysh -c 'write memory'
}
`;
