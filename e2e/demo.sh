#!/bin/bash
# A redirect at work, in a network namespace of its own: make demo. Nothing outside that namespace is touched.
set -euo pipefail

if [ "${1:-}" != inside ]; then
  rechain=$(realpath "$1")
  if [ "$(id -u)" = 0 ]; then
    exec unshare --net "$0" inside "$rechain"
  fi
  echo '(not root: in a user namespace of our own)'
  auto=() # more users than one need newuidmap and a range in /etc/subuid
  if unshare --user --map-root-user --map-auto true 2>/dev/null; then auto=(--map-auto); fi
  exec unshare --user --map-root-user "${auto[@]}" --net "$0" inside "$rechain"
fi

rechain=$2
sidecar=(--istio-inbound-ports '*' --istio-local-exclude-ports 15090,15021,15020 --istio-service-cidr '*' --ipv6 on)

step() { printf '\n\033[1m%s\033[0m\n' "$1"; }
show() { printf '\033[2m$ rechain %s\033[0m\n' "${*//'*'/\'*\'}"; "$rechain" "$@"; }

ip link set lo up

step '1. What would be done: the difference between what the kernel holds (nothing) and the default sidecar.'
show redirect plan "${sidecar[@]}" || true

step '2. Do it: one netlink transaction, no iptables, no nft, no xtables modules.'
show redirect apply "${sidecar[@]}"

step '3. Once more: the kernel already runs exactly this, so nothing is written and counters stay.'
show redirect apply "${sidecar[@]}"

step '4. Prove it with real connections: what was tried, what happened, and which rule decided.'
show redirect probe "${sidecar[@]}" || {
  [ $? = 3 ] || exit 1
  echo '(the probe acts as several users, which takes root, or newuidmap and a range in /etc/subuid)'
}

step '5. The rules, with what they counted.'
show show --counters

step '6. Take it away again.'
show redirect remove
show show
echo '(an empty rule set)'
