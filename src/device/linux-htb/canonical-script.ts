/**
 * `shown` prints all that `tc` and `nft` say of queues, each line after a letter (Q qdisc, C class, F filter, N table) and its
 * interface; 1 if one of them could not be asked. HTB's handle c8: (200) is Pointsman's, and so is table pointsman-<interface>.
 *
 * `canonical` makes the lines of a reading from that, of every interface that is up:
 *   eth1 plain default                                          whatever the kernel put at the root
 *   eth1 plain tbf 8001: rate 10Mbit burst 32Kb lat 50ms        the operator's shaper
 *   eth1 htb rate 10000000 before default                       ours, what was there before, and its classes:
 *   eth1 control rate 100000 quantum 1514 limit 150000          what is no class's, by itself
 *   eth1 class 1 dscp 46 rate 3000000 ceil 10000000 prio 1 priority 0 quantum 3750 marks 15000 to 45000
 *   eth1 partial <why>                                          ours, and not as we would have left it
 *   eth1 other <words>                                          something else
 * `tc` shows a rate to four digits or more, so the figure itself stands in a rule's comment, and what `tc` shows must agree with it.
 */
export const canonicalScript = `
told() {
  said=$("$@" 2>&1) || { printf '%s\\n' "$said"; return 1; }
  printf '%s\\n' "$said" | awk -v t="$tag" '{ print t, $0 }'
}
shown() {
  qdiscs=$(tc qdisc show 2>&1) || { printf '%s\\n' "$qdiscs"; return 1; }
  printf '%s\\n' "$qdiscs" | awk '{ print "Q -", $0 }'
  for dev in $(printf '%s\\n' "$qdiscs" | awk '$2 == "htb" && $3 == "c8:" && $6 == "root" { print $5 }'); do
    tag="C $dev"
    told tc -d class show dev "$dev" || return 1
    tag="F $dev"
    told tc filter show dev "$dev" || return 1
  done
  tables=$(nft list tables inet 2>&1) || { printf '%s\\n' "$tables"; return 1; }
  for table in $(printf '%s\\n' "$tables" | sed -n 's/^table inet \\(pointsman-.*\\)$/\\1/p'); do
    tag="N \${table#pointsman-}"
    told nft -n list table inet "$table" || return 1
  done
}
canonical() {
  awk '
  function words(from,    text, i) {
    for (i = from; i <= NF; i++) if ($i == "refcnt") i++; else text = text (text == "" ? "" : " ") $i
    return text
  }
  function bits(text) {
    sub(/bit$/, "", text)
    return text * (text ~ /K$/ ? 1e3 : text ~ /M$/ ? 1e6 : text ~ /G$/ ? 1e9 : text ~ /T$/ ? 1e12 : 1)
  }
  function agree(text, exact,    e) {
    e = exact < 1000 ? 1000 : exact
    return bits(text) >= e * 0.999 - 8 && bits(text) <= e * 1.001
  }
  function number(text,    i, n) {
    if (text !~ /^0x/) return text
    for (i = 3; i <= length(text); i++) n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return n
  }
  function leaf(id) { return "c8" (id ~ /^fff[df]$/ ? substr(id, 3) : length(id) == 1 ? "0" id : id) ":" }
  function wrong(dev, why) { if (!(dev in odd)) odd[dev] = why }
  function unquoted(text) { gsub(/"/, "", text); return text }

  $1 == "Q" && $8 == "root" {
    dev = $7
    rest = words(9)
    if ($4 == "noop") next
    if ($5 == "0:") plain[dev] = "default"
    else if ($4 == "tbf" && rest ~ /^rate [0-9]+[KMGT]?bit burst [^ ]+ lat [^ ]+$/) plain[dev] = "tbf " $5 " " rest
    else if ($4 == "htb" && $5 == "c8:") {
      ours[dev] = 1
      if (rest !~ /^r2q 10 default 0xfffd direct_packets_stat [0-9]+ direct_qlen [0-9]+$/) wrong(dev, rest)
    }
    else other[dev] = $4 " " $5 (rest == "" ? "" : " " rest)
  }
  $1 == "Q" && $8 == "parent" && $5 != "0:" && $9 !~ /^ffff:/ {
    if ($9 !~ /^c8:/) { below[$7] = $4 " " $5 " parent " $9; next }
    id = substr($9, 4)
    leaves[$7]++
    if (words(10) ~ /^limit [0-9]+b$/ && $4 == "bfifo" && $5 == leaf(id)) limit[$7, id] = $11 + 0
  }
  $1 == "C" {
    dev = $2
    id = substr($5, 4)
    split("", v)
    for (i = 6; i < NF; i++) v[$i] = $(i + 1)
    if (id == "fffe") {
      if ($6 == "root" && v["rate"] == v["ceil"]) whole[dev] = v["rate"]
      next
    }
    classes[dev]++
    if (v["parent"] != "c8:fffe" || v["leaf"] != leaf(id)) next
    rate[dev, id] = v["rate"]
    ceil[dev, id] = v["ceil"]
    prio[dev, id] = v["prio"]
    quantum[dev, id] = v["quantum"]
  }
  $1 == "F" && NF > 2 { wrong($2, "filter " words(3)) }
  $1 == "N" {
    dev = $2
    text = words(3)
    if ($3 == "table") table[dev] = 1
    else if (text == "}" || text == "" || text == "chain classes {") next
    else if (text == "type filter hook postrouting priority 300; policy accept;") at[dev] = 1
    else if (at[dev] == 0 && text ~ /^comment "before (default|tbf [^"]+)"$/) before[dev] = unquoted(words(5))
    else if (at[dev] == 1 && text == "oifname != \\"" dev "\\" accept") at[dev] = 2
    else if (at[dev] == 2 && text ~ /^meta priority set c8:ffff comment "rate [0-9.]+ control [0-9.]+"$/) {
      at[dev] = 3
      exact[dev] = $9
      control[dev] = unquoted($11)
    }
    else if (at[dev] == 3 && text ~ /^(icmpv6 type 133-137|ip6? dscp 0x3[08]) meta priority set c8:fffd$/)
      led[dev] = led[dev] text "\\n"
    else if (at[dev] == 3 && text ~ /^ip dscp [0-9a-fx]+ meta priority set c8:[0-9a-f]+ comment "rate [0-9.]+ ceil [0-9.]+ priority [0-7] marks [0-9.]+ to [0-9.]+"$/) {
      at[dev] = 4
      ip[dev] = words(4)
      n = ++count[dev]
      ids[dev, n] = substr($9, 4)
      dscp[dev, n] = number($5)
      r[dev, n] = $12
      c[dev, n] = $14
      p[dev, n] = $16
      m[dev, n] = $18
      x[dev, n] = unquoted($20)
    }
    else if (at[dev] == 4 && $3 == "ip6" && words(4) == ip[dev]) at[dev] = 3
    else wrong(dev, "rule " text)
  }

  function controls(    text) {
    text = "icmpv6 type 133-137 meta priority set c8:fffd\\n"
    text = text "ip dscp 0x30 meta priority set c8:fffd\\nip6 dscp 0x30 meta priority set c8:fffd\\n"
    return text "ip dscp 0x38 meta priority set c8:fffd\\nip6 dscp 0x38 meta priority set c8:fffd\\n"
  }
  function reading(dev,    n, id, lines) {
    if (!(dev in table) || at[dev] != 3 || !(dev in before) || !count[dev]) return "partial table pointsman-" dev " is not whole"
    if (!(dev in whole) || !agree(whole[dev], exact[dev])) return "partial class c8:fffe is not of rate " exact[dev]
    if (led[dev] != controls() || !((dev, "fffd") in limit) || !((dev, "fffd") in prio) || prio[dev, "fffd"] != 0 || ceil[dev, "fffd"] != whole[dev] || !agree(rate[dev, "fffd"], control[dev]))
      return "partial class c8:fffd is not that of control traffic, of rate " control[dev]
    if (classes[dev] != count[dev] + 1 || leaves[dev] != count[dev] + 1 || ids[dev, count[dev]] != "ffff") return "partial classes and rules do not match"
    lines = "htb rate " exact[dev] " before " before[dev]
    lines = lines "\\n" dev " control rate " control[dev] " quantum " quantum[dev, "fffd"] " limit " limit[dev, "fffd"]
    for (n = 1; n <= count[dev]; n++) {
      id = ids[dev, n]
      if (!((dev, id) in prio) || !agree(rate[dev, id], r[dev, n]) || !agree(ceil[dev, id], c[dev, n]) || limit[dev, id] != int(x[dev, n]))
        return "partial class c8:" id " is not of rate " r[dev, n] " ceil " c[dev, n] " limit " x[dev, n]
      lines = lines "\\n" dev " class " id " dscp " dscp[dev, n] " rate " r[dev, n] " ceil " c[dev, n] " prio " prio[dev, id] " priority " p[dev, n] " quantum " quantum[dev, id] " marks " m[dev, n] " to " x[dev, n]
    }
    return lines
  }
  END {
    for (dev in other) print dev, "other", other[dev]
    for (dev in plain) {
      if (dev in table) print dev, "partial table pointsman-" dev " without its queues"
      else if (dev in below) print dev, "other", below[dev]
      else print dev, "plain", plain[dev]
    }
    for (dev in ours) print dev, (dev in odd ? "partial " odd[dev] : reading(dev))
  }'
}
`;
