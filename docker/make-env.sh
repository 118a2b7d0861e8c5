#!/bin/sh
# Writes .env: the cluster's secrets, made here and now, and which cores are whose. Nobody else can read it, and git does
# not see it. It overwrites nothing: delete .env (and "docker compose down") for new secrets.
# Usage: sh docker/make-env.sh
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo "Cannot write .env: it is there already; wanted none. Delete it for new secrets, after \"docker compose down\"." >&2
  exit 2
fi
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# "0" or "0-3".
range() { if [ "$1" = "$2" ]; then echo "$1"; else echo "$1-$2"; fi; }

cores=$(nproc --all)
server_first=$((cores - cores / 2))
if [ "$cores" -lt 2 ]; then server_first=0; fi
load_last=$((server_first > 0 ? server_first - 1 : 0))
# Agents leave core 0 to the rest where two cores or more remain to them.
load_first=$((load_last >= 2 ? 1 : 0))

# The coordinator writes runs/ as this user; root lends it to the image's own.
user=$(id -u) group=$(id -g)
mkdir -p runs
if [ "$user" = 0 ]; then
  user=1000 group=1000
  chown 1000:1000 runs
fi

# An engine may be older than these rights (Debian 12's): SYS_ADMIN stood for both, and the seccomp profile takes most of
# what else it means away again. Twice the same by two names, because a list in compose names nothing twice.
bpf=BPF trace=PERFMON
if docker create --pull never --cap-add BPF stampede-no-such-image 2>&1 | grep -q 'unknown capability'; then
  bpf=SYS_ADMIN trace=CAP_SYS_ADMIN
  echo "this Docker knows no CAP_BPF and CAP_PERFMON: the server and the agents get CAP_SYS_ADMIN in their place" >&2
fi

umask 077
cat >.env <<ENV
# Secrets of this cluster: see docs/cluster.md.
STAMPEDE_COORDINATOR_PASSWORD=$(secret)
STAMPEDE_AGENT_PASSWORD=$(secret)
STAMPEDE_SERVER_PASSWORD=$(secret)
STAMPEDE_TOKEN=$(secret)
STAMPEDE_GRAFANA_PASSWORD=$(secret)

# Cores: of the server under test; of all agents together; of everything else. The server's are nobody else's where there
# are two, the agents' where there are six.
STAMPEDE_SERVER_CPUS=$(range "$server_first" $((cores - 1)))
STAMPEDE_AGENT_CPUS=$(range "$load_first" "$load_last")
STAMPEDE_CONTROL_CPUS=0

# Rights that let them load BPF programs, and trace with them.
STAMPEDE_BPF_RIGHT=$bpf
STAMPEDE_TRACE_RIGHT=$trace

# Who owns runs/.
STAMPEDE_USER=$user
STAMPEDE_GROUP=$group
ENV
echo "wrote .env: secrets, and cores $(range "$server_first" $((cores - 1))) for the server, $(range "$load_first" "$load_last") for the agents"
