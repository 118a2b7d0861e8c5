#!/bin/sh
# Starts an agent or a server in a container: readies the device that load goes by, then becomes an ordinary user that keeps
# only those rights of a role which the container was given. Without STAMPEDE_LOAD_NETWORK no device is touched: then it is
# the host's own, and the host's to set. Refuses when the container has no address in that network.
set -eu
log() { printf '{"level":30,"role":"%s","msg":"%s"}\n' "$1" "$2" >&2; }
role=${1:-}

if [ -n "${STAMPEDE_LOAD_NETWORK:-}" ]; then
  device=$(ip -o route show "$STAMPEDE_LOAD_NETWORK" | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  if [ -z "$device" ]; then
    echo "Cannot start the $role: this container has no address in $STAMPEDE_LOAD_NETWORK; wanted it on the network \"load\"" >&2
    exit 2
  fi
  # A veth device sends checksums unfinished: who takes frames below TCP at the other end would drop them all. And a link
  # that several cores share wants a queue for each.
  queues=$(nproc)
  ethtool -K "$device" tx off >/dev/null 2>&1 && checksums=finished || checksums='left to the device: no CAP_NET_ADMIN'
  ethtool -L "$device" rx "$queues" tx "$queues" >/dev/null 2>&1 || :
  log "$role" "load device $device, checksums $checksums, $(ls -d /sys/class/net/"$device"/queues/rx-* | wc -l) queues"
fi

if [ "$(id -u)" != 0 ]; then exec stampede "$@"; fi
bounds=$((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)))
rights=-all
for right in net_admin:12 net_raw:13 ipc_lock:14 sys_admin:21 perfmon:38 bpf:39; do
  if [ $((bounds >> ${right#*:} & 1)) = 1 ]; then rights="$rights,+${right%:*}"; fi
done
exec setpriv --reuid=node --regid=node --clear-groups --no-new-privs \
  --inh-caps="$rights" --ambient-caps="$rights" --bounding-set="$rights" stampede "$@"
