import { unpack } from "../ssh-shell/packed.ts";
import { open, outlivesSession, quote, type RouterFunctions } from "../ssh-shell/trial-scripts.ts";

/**
 * From the lines of `ip -N -6 -o route show`, or the routes of `ip -batch`, on stdin: one canonical line each. What is volatile
 * (expiry, carrier) is dropped; a route that is not exactly one of ours keeps its words after `other`. Without a filter `ip` shows the
 * protocol, with `proto 200` it does not.
 */
const canonical = `
canonical() {
  awk '
  function full(text) {
    if (text == "default") return "::/0"
    return text ~ /\\// ? text : text "/128"
  }
  NF {
    ours = ($1 ~ /:/ || $1 == "default")
    prefix = full(ours ? $1 : $2)
    metric = dev = segs = words = ""
    for (i = 1; i <= NF; i++) {
      if ($i == "expires") i++
      else if ($i != "linkdown" && $i != "dead") words = words (words == "" ? "" : " ") $i
    }
    for (i = 2; i <= NF; i++) {
      if ($i == "encap" && segs == "" && $(i + 1) " " $(i + 2) " " $(i + 3) " " $(i + 4) == "seg6 mode encap segs") {
        i += 5
        if ($(i + 1) != "[") segs = $i
        else for (i += 2; i <= NF && $i != "]"; i++) segs = segs (segs == "" ? "" : ",") $i
      }
      else if ($i == "dev" && dev == "") dev = $(++i)
      else if ($i == "metric") metric = $(++i)
      else if ($i == "proto" && $(i + 1) == "200") i++
      else if ($i == "pref" && $(i + 1) == "medium") i++
      else if ($i == "expires") i++
      else if ($i != "linkdown" && $i != "dead") ours = 0
    }
    if (ours && segs != "" && dev != "") print prefix " metric " metric " segs " segs " dev " dev
    else print prefix " metric " metric " other " words
  }'
}
`;

/** Needs no state folder. Prints running, the routes of protocol 200 in table main (254), and end. */
export const readRoutes = `${canonical}
said=$(ip -N -6 -o route show table 254 proto 200 2>&1) || { echo failed; printf '%s\\n' "$said"; exit 0; }
echo running
printf '%s\\n' "$said" | canonical
echo end
`;

/**
 * Runs in a network of its own. 10: the kernel has no seg6; 11: a route was refused; another: there is no such network to be had.
 * veth and not dummy, which not every kernel has. The first route is a probe; by loopback it would reject, which here is enough.
 */
const scratch = `
set -u
d=$1
n=0
for path in all default; do
  { echo 0 > "/proc/sys/net/ipv6/conf/$path/disable_ipv6"; } 2>/dev/null
done
ip link set lo up || exit 1
while read -r dev; do
  n=$((n + 1))
  ip link add name "$dev" type veth peer name "scratch$n" && ip link set "scratch$n" up && ip link set "$dev" up || exit 1
done < "$d/devices"
ip -6 route add 2001:db8::1/128 encap seg6 mode encap segs 2001:db8::1 dev lo || exit 10
ip -6 route del 2001:db8::1/128 dev lo
ip -6 -batch "$d/basis" && ip -6 -batch "$d/forward" || exit 11
ip -N -6 -o route show table 254 proto 200
`;

/**
 * Whether one of the routes on stdin carries the prefix $1 when ours is not there: not ours, not the default, not one that rejects,
 * and not zebra's own to exactly this prefix (protocols 11 and 186 to 198), which zebra takes out for as long as another one stands.
 */
const fallsBack = `
falls_back() {
  awk -v p="$1" '
  $1 ~ /:/ && $1 != "::/0" && !/ (linkdown|dead)( |$)/ {
    proto = 0
    for (i = 2; i < NF; i++) if ($i == "proto") proto = $(i + 1)
    exact = $1 == p || $1 "/128" == p
    zebra = proto == 11 || (proto >= 186 && proto <= 198)
    if (proto != 200 && !(exact && zebra)) found = 1
  }
  END { exit !found }'
}
`;

/**
 * state, with basis, forward, devices, forward-devices and prefixes on stdin: whether each prefix has a route to fall back on and
 * the interfaces are up, then basis and forward in a network namespace that holds nothing else.
 */
export const tryOut = `${open}${unpack}${outlivesSession}${canonical}${fallsBack}
d=$(mktemp -d "$state/check.XXXXXX") || exit 1
trap 'rm -rf "$d"' EXIT
trap 'exit 1' HUP INT PIPE TERM
unpack "$d" || { echo cut-short; exit 0; }
while read -r prefix; do
  ip -N -6 -o route show table 254 match "$prefix" | falls_back "$prefix" || { echo no-fallback; echo "$prefix"; exit 0; }
done < "$d/prefixes"
while read -r dev; do
  ip -o link show dev "$dev" up 2>/dev/null | grep -q . || { echo apply; echo "Error: interface $dev is missing or down"; exit 0; }
done < "$d/forward-devices"
[ "$(id -u)" = 0 ] && own= || own='--user --map-root-user'
timeout 60 unshare $own --net sh -c ${quote(scratch)} pointsman-scratch "$d" > "$d/shown" 2> "$d/said" < /dev/null
case $? in
  0) echo candidate; canonical < "$d/shown"; echo end ;;
  10) echo no-seg6; cat "$d/said" ;;
  11) echo apply; cat "$d/said" ;;
  *) echo no-scratch; cat "$d/said" ;;
esac
`;

/**
 * The kernel deletes by prefix, metric, protocol and interface and does not look at the segments, so a `del` could hit another's
 * route: where the step has a route, there must be that one or none.
 */
const stands = `${canonical}
stands() {
  ours=$(cat "$1/forward" "$1/inverse" | sed 's/^route [a-z]* //' | canonical | sort -u)
  printf '%s\\n' "$ours" | while read -r prefix _ metric rest; do
    [ -n "$prefix" ] || continue
    said=$(ip -N -6 -o route show table 254 exact "$prefix") || exit 1
    there=$(printf '%s\\n' "$said" | canonical | awk -v m="$metric" '$3 == m' | grep -vxF -- "$ours")
    [ -z "$there" ] || { echo "not the route of this change: $there"; exit 3; }
  done
}
`;

export const linuxFunctions: RouterFunctions = {
  stands,
  sendForward: `
send_forward() {
  timeout 60 ip -6 -batch "$1/forward"
}
`,
  // Line by line to the end: one that is done already is refused, and that is fine.
  sendInverse: `
send_inverse() {
  timeout 60 ip -6 -force -batch "$1/inverse"
  return 0
}
`,
};
