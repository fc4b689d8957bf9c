import { unpack } from "./packed.ts";

/**
 * What runs on the router, in POSIX sh. Every script is a constant; data reaches it on standard input or as an argument that
 * was checked (`[a-z0-9-]+`, digits, a plain path), and only ever as a file's content or one quoted word.
 *
 * State folder, mode 0700:
 *   mutex, lock           who may change the router: `<holder> <until, s of uptime> <boot id>`; uptime, because wall clocks step
 *   trials/<token>/       one trial: its payloads, pid and log of its timer, and exactly one of
 *     armed               the timer runs
 *     confirmed           kept; reached from `armed` by rename
 *     fired               being reverted; reached from `armed` or `confirmed` by rename
 *     reverted            back at where it was
 *     refused             ran out and nothing was sent, because what is to be reverted is no longer what was changed;
 *                         reached from `fired` by rename, left only by an undo that has read the planned section again
 * rename(2) of one file lets exactly one of confirm, undo and the timer win.
 */

/**
 * What a platform's scripts must define, in POSIX sh. $1 of each is the trial's folder, with the step's payloads in the files
 * `forward`, `activate`, `inverse` and `inverse-activate`.
 */
export type RouterFunctions = Readonly<{
  /**
   * 0: what `inverse` or `forward` would edit is there as this step knows it; 3: it is not, and that is named; 1: the router
   * cannot be asked, for now. Nothing is sent before this.
   */
  stands: string;
  /** Sends `forward`, then `activate`. Not 0 if any of it was refused, with the router's words printed. */
  sendForward: string;
  /** Sends `inverse`, then `inverse-activate`. 1: nobody took it, for now; what was refused shows when running is read back. */
  sendInverse: string;
}>;

export const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command line for one script; the login shell sees nothing but quoted constants and plain words. */
export function commandLine(script: string, args: readonly string[]): string {
  return ["exec sh -c", quote(script), "pointsman", ...args.map(quote)].join(" ");
}

/** Every script's first lines: the state folder is there. */
export const open = `
set -u
umask 077
state=$1
[ -d "$state" ] || mkdir "$state" || { echo no-folder; exit 0; }
[ -w "$state" ] || { echo "$state is not writable" >&2; echo no-folder; exit 0; }
`;

/** $1 is the holder, $2 another holder that counts as the same. Under the mutex. \`holder\` is empty when nobody holds it. */
const readLock = `
exec 9>>"$state/mutex"
flock -w 10 9 || { echo busy; exit 0; }
read -r up rest < /proc/uptime
up=\${up%%.*}
read -r boot < /proc/sys/kernel/random/boot_id
holder= until=0 held_boot=
[ ! -s "$state/lock" ] || read -r holder until held_boot < "$state/lock"
write_lock() {
  echo "$1 $((up + $2)) $boot" > "$state/lock.new" && mv "$state/lock.new" "$state/lock"
}
`;

/**
 * state holder lease-s token|-: takes the lock, or renews it. A holder whose time is over, or from before a reboot, is dead.
 * The trial's own holder counts as us: after a controller's restart the token is what speaks.
 */
export const takeLock = `${open}${readLock}
ours=$(cat "$state/trials/$4/holder" 2>/dev/null)
if [ -n "$holder" ] && [ "$holder" != "$2" ] && [ "$holder" != "$ours" ] && [ "$held_boot" = "$boot" ] && [ "$until" -gt "$up" ]; then
  echo "held $holder $((until - up))"
  exit 0
fi
write_lock "$2" "$3" && echo locked
`;

/** state holder token|-: gives the lock back if it is ours. */
export const dropLock = `${open}${readLock}
ours=$(cat "$state/trials/$3/holder" 2>/dev/null)
case $holder in "$2" | "$ours") rm -f "$state/lock" ;; esac
echo unlocked
`;

/** Ends a script of an account whose processes do not outlive its session: no timer would. */
export const outlivesSession = `
logind=$(cat /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf 2>/dev/null |
  sed -n 's/^ *KillUserProcesses *= *//p' | tail -n 1)
case $(id -u):$logind in
  0:*) ;;
  *:yes|*:true|*:on|*:1) echo kills-at-logout; exit 0 ;;
esac
`;

const recordPid = `
trap '' HUP
echo $$ > "$1/pid.new" && mv "$1/pid.new" "$1/pid"
`;

type TrialScript = "arm" | "apply" | "markApplied" | "standing" | "disarm" | "awaitRevert" | "startRevert" | "adopt";
export type TrialScripts = Readonly<Record<TrialScript, string>> & Readonly<{ save: string | undefined }>;

/**
 * The scripts of a trial, for routers that are asked and told by these functions.
 * `save` defines save_running: not 0 if the router refused, with its words printed.
 */
export function trialScripts({ stands, sendForward, sendInverse }: RouterFunctions, save?: string): TrialScripts {
  /**
   * $1 is the trial's folder. Repeats while the router cannot be asked or told (it may be restarting); a refused line is final.
   * The lock waits for an `apply` that the timer overtook, so that no forward line can land after the inverse.
   */
  const revert = `${stands}${sendInverse}
revert() {
  exec 8>>"$1/applying"
  flock -w 90 8
  i=0
  while :; do
    stands "$1"
    rc=$?
    [ "$rc" -ne 3 ] || { echo "nothing was sent"; mv "$1/fired" "$1/refused"; return; }
    [ "$rc" -ne 0 ] || { send_inverse "$1"; rc=$?; }
    i=$((i + 1))
    [ "$rc" -eq 1 ] && [ "$i" -lt 300 ] || break
    sleep 2
  done
  mv "$1/fired" "$1/reverted"
}
`;

  /** The dead-man: trial-folder seconds. sleep(1) counts monotonic time. */
  const timer = `${revert}${recordPid}
sleep "$2"
mv "$1/armed" "$1/fired" && revert "$1"
`;

  /** The same at once, for undo: in its own session too, so that losing the connection half way cannot stop it. */
  const revertNow = `${revert}${recordPid}
revert "$1"
`;

  const trial = `
t="$state/trials/$2"
timer=${quote(timer)}
revert_now=${quote(revertNow)}
where() {
  for s in confirmed reverted refused fired armed; do
    [ ! -e "$t/$s" ] || { echo "$s"; return; }
  done
  echo none
}
alive() {
  pid=$(cat "$t/pid" 2>/dev/null) && grep -qsF -- "$t" "/proc/$pid/cmdline"
}
# A new session: no terminal, no parent shell, nothing of this connection left open.
detach() {
  rm -f "$t/pid"
  setsid sh -c "$1" pointsman-trial "$t" "$2" < /dev/null >> "$t/log" 2>&1 9>&- &
  i=0
  until [ -s "$t/pid" ]; do
    i=$((i + 1))
    [ "$i" -le 200 ] || return 1
    sleep 0.05
  done
}
# After the rename the timer can do no harm; it is stopped so that nothing is left running.
stop_timer() {
  alive || return 0
  kill -TERM -"$pid"
  i=0
  while alive && [ "$i" -lt 100 ]; do
    i=$((i + 1))
    sleep 0.05
  done
}
`;

  return {
    /** state token holder seconds lease-s, payloads on stdin: needs the lock that prepare took, starts the timer, says `armed` once it runs. */
    arm: `${open}${unpack}${trial}
kept=$(
${readLock}
[ "$holder" = "$3" ] && write_lock "$3" "$5" && echo kept
)
[ "$kept" = kept ] || { echo lost-lock; exit 0; }
mkdir -p "$state/trials"
find "$state/trials" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
mkdir "$t" 2>/dev/null || { echo used; exit 0; }
unpack "$t" || { echo cut-short; exit 0; }
echo "$3" > "$t/holder"
: > "$t/armed"
# One that has fired by now did run.
if detach "$timer" "$4" && { alive || [ ! -e "$t/armed" ]; }; then echo armed; else rm -f "$t/armed"; echo no-timer; fi
`,

    /** state token: forward, then activate, while the timer runs. Prints done|not-armed|changed, or refused and the router's words. */
    apply: `${open}${stands}${sendForward}${trial}
[ -d "$t" ] || { echo not-armed; exit 0; }
exec 8>>"$t/applying"
flock -w 10 8 || { echo not-armed; exit 0; }
[ -e "$t/armed" ] || { echo not-armed; exit 0; }
stands "$t" > "$t/said" 2>&1
case $? in
  0) ;;
  3) echo changed; exit 0 ;;
  *) echo refused; cat "$t/said"; exit 0 ;;
esac
send_forward "$t" > "$t/said" 2>&1 || { echo refused; cat "$t/said"; exit 0; }
if [ -e "$t/armed" ]; then echo done; else echo not-armed; fi
`,

    /** state token: after this the section is expected to read `expected`; until then a different reading is our own half-done work. */
    markApplied: `${open}${trial}
: > "$t/applied" && echo applied
`,

    /** state token: where the trial stands, and `applied` if forward was seen to be in place. */
    standing: `${open}${trial}
s=$(where)
[ -e "$t/applied" ] && a=applied || a=unproven
[ -e "$t/saved" ] && w=saved || w=unsaved
echo "$s $a $w"
`,

    /**
     * state token confirmed|reverted: ends an armed trial without touching the configuration, once no `apply` of a lost connection
     * is still at work. Prints where it stands then.
     */
    disarm: `${open}${trial}
[ -d "$t" ] || { echo none; exit 0; }
exec 8>>"$t/applying"
flock -w 90 8 || { echo busy; exit 0; }
mv "$t/armed" "$t/$3" 2>/dev/null
[ ! -e "$t/$3" ] || stop_timer
where
`,

    /** state token wait-s: waits for a timer that fired; runs the revert again if it died (the router restarted). Prints where it stands then. */
    awaitRevert: `${open}${trial}
[ ! -e "$t/fired" ] || alive || detach "$revert_now" 0
i=0
while [ -e "$t/fired" ] && [ "$i" -lt "$(($3 * 5))" ]; do
  i=$((i + 1))
  sleep 0.2
done
where
`,

    /** state token armed|confirmed|reverted|refused: takes the trial for reverting if it still stands there, and starts the revert. */
    startRevert: `${open}${trial}
if mv "$t/$3" "$t/fired" 2>/dev/null; then
  stop_timer
  detach "$revert_now" 0
fi
where
`,

    /** state token, payloads on stdin: records a change whose trial this router has no trace of, so that it can be reverted as any other. */
    adopt: `${open}${unpack}${trial}
mkdir -p "$t"
unpack "$t" || { echo cut-short; exit 0; }
[ "$(where)" != none ] || : > "$t/confirmed"
where
`,

    /** state token keep|forget: running becomes permanent; remembers whether that holds the trial's change. */
    save:
      save &&
      `${open}${trial}${save}
save_running > "$t/said" 2>&1 || { echo refused; cat "$t/said"; exit 0; }
if [ "$3" = keep ]; then : > "$t/saved"; else rm -f "$t/saved"; fi
echo saved
`,
  };
}
