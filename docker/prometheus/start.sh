#!/bin/sh
# Starts Prometheus with the token that the roles want, from the environment into a file that only it can read.
set -eu
umask 077
printf %s "${STAMPEDE_TOKEN:?wanted: sh docker/make-env.sh writes it}" >/run/secrets/stampede_token
unset STAMPEDE_TOKEN
exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus \
  --storage.tsdb.retention.time="${STAMPEDE_RETENTION:-30d}" --web.listen-address=0.0.0.0:9090 "$@"
