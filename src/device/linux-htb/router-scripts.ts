import { unpack } from "../ssh-shell/packed.ts";
import { open, outlivesSession, quote, type RouterFunctions } from "../ssh-shell/trial-scripts.ts";
import { canonicalScript } from "./canonical-script.ts";

/** Needs no state folder. Prints running, the queues of every interface that is up, and end. */
export const readQueues = `${canonicalScript}
said=$(shown) || { echo failed; printf '%s\\n' "$said"; exit 0; }
echo running
printf '%s\\n' "$said" | canonical
echo end
`;

/**
 * send: file $1 in its order, lines of one tool that follow each other as one batch; `nft` takes its batch as one transaction. What
 * more there is goes to `tc`: `-force` goes on after a line that is refused. 1 as soon as a batch is refused, without `-force`.
 */
const send = `
send() {
  file=$1
  shift
  parts=$(mktemp -d "$file.XXXXXX") || return 1
  awk -v d="$parts" '$1 != last && /^(tc|nft) / { n++; last = $1; f = sprintf("%s/%04d-%s", d, n, $1) } sub(/^(tc|nft) /, "") { print > f }' "$file"
  rc=0
  for part in "$parts"/*; do
    case $part in
      *-tc) timeout 60 tc "$@" -batch "$part" || rc=1 ;;
      *-nft) timeout 60 nft -f "$part" || rc=1 ;;
    esac
    [ "$rc" = 0 ] || [ "$#" -gt 0 ] || break
  done
  rm -rf "$parts"
  return "$rc"
}
`;

/** The lines that $1, a payload, says are read on its interfaces once it is there. */
const said = `
promised() {
  sed -n 's/^# //p' "$1"
}
`;

/**
 * Runs in a network of its own with the trial's folder: what `inverse` leads to, then `forward`, then `inverse` again.
 * 11: a line was refused; 12: there is no way back to exactly what was; another: there is no such network to be had.
 */
const scratch = `
set -u
d=$1
${canonicalScript}${send}${said}
n=0
ip link set lo up || exit 1
for dev in $(cut -d ' ' -f 1 "$d/basis" | sort -u); do
  n=$((n + 1))
  ip link add name "$dev" type veth peer name "scratch$n" && ip link set "scratch$n" up && ip link set "$dev" up || exit 1
done
for dev in $(awk '$2 == "htb" { print $1 }' "$d/basis"); do
  tc qdisc replace dev "$dev" root handle c8: htb default fffd || exit 1
done
send "$d/inverse" -force > /dev/null 2>&1
is_basis() {
  shown | canonical | sort > "$d/was" && sort "$d/basis" > "$d/is"
  for dev in $(cut -d ' ' -f 1 "$d/basis" | sort -u); do
    [ "$(awk -v d="$dev" '$1 == d' "$d/was")" = "$(awk -v d="$dev" '$1 == d' "$d/is")" ] || { awk -v d="$dev" '$1 == d' "$d/was" >&2; return 1; }
  done
}
is_basis || exit 12
send "$d/forward" >&2 || exit 11
shown | canonical
send "$d/inverse" -force > /dev/null 2>&1
is_basis || exit 12
`;

/** state, with basis (of the interfaces that are touched), rest (of the others), forward and inverse on stdin. */
export const tryOut = `${open}${unpack}${outlivesSession}
d=$(mktemp -d "$state/check.XXXXXX") || exit 1
trap 'rm -rf "$d"' EXIT
trap 'exit 1' HUP INT PIPE TERM
unpack "$d" || { echo cut-short; exit 0; }
[ "$(id -u)" = 0 ] && own= || own='--user --map-root-user'
timeout 60 unshare $own --net sh -c ${quote(scratch)} pointsman-scratch "$d" > "$d/shown" 2> "$d/said" < /dev/null
case $? in
  0) echo candidate; cat "$d/shown" "$d/rest"; echo end ;;
  11) echo apply; cat "$d/said" ;;
  12) echo no-way-back; cat "$d/said" ;;
  *) echo no-scratch; cat "$d/said" ;;
esac
`;

/**
 * On every interface of this step there must be what either payload leads to. While forward is on its way and not yet seen to be in place, or
 * inverse is, anything of ours will do, and what is plain.
 */
const stands = `${canonicalScript}${said}
stands() {
  all=$(shown) || { printf '%s\\n' "$all"; return 1; }
  printf '%s\\n' "$all" | canonical > "$1/now"
  promised "$1/forward" > "$1/after"
  promised "$1/inverse" > "$1/before"
  for dev in $(cut -d ' ' -f 1 "$1/after" "$1/before" | sort -u); do
    now=$(awk -v d="$dev" '$1 == d' "$1/now")
    [ "$now" != "$(awk -v d="$dev" '$1 == d' "$1/after")" ] || continue
    [ "$now" != "$(awk -v d="$dev" '$1 == d' "$1/before")" ] || continue
    case $now in
      "$dev partial "* | "$dev htb "* | "$dev plain "*)
        [ ! -e "$1/undoing" ] || continue
        [ ! -e "$1/sending" ] || [ -e "$1/applied" ] || continue
        ;;
    esac
    echo "not the queues of this change: \${now:-$dev is missing}"
    return 3
  done
}
`;

export const htbFunctions: RouterFunctions = {
  stands,
  sendForward: `${send}
send_forward() {
  : > "$1/sending"
  send "$1/forward"
}
`,
  // To the end, whatever is refused: what is done already is, and that is fine.
  sendInverse: `${send}
send_inverse() {
  : > "$1/undoing"
  send "$1/inverse" -force
  return 0
}
`,
};
