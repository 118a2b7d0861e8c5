#!/bin/sh
# Starts Redis with the three users of users.acl, whose passwords come by the environment and stay out of every file:
# the ACL holds their SHA-256. Refuses to start without all three. What is given as arguments goes to redis-server.
set -eu
here=$(dirname "$(readlink -f "$0")")
# Whole paths: Redis looks for its files from the folder of --dir.
folder=$(cd "${STAMPEDE_REDIS_FOLDER:-/run/stampede}" && pwd)
umask 077

users=$(cat "$here/users.acl")
for role in COORDINATOR AGENT SERVER; do
  eval "password=\${STAMPEDE_${role}_PASSWORD:-}"
  if [ "${#password}" -lt 22 ]; then
    echo "Cannot start Redis: STAMPEDE_${role}_PASSWORD has ${#password} characters; wanted at least 22: sh docker/make-env.sh writes them" >&2
    exit 2
  fi
  hash=$(printf %s "$password" | sha256sum | cut -c 1-64)
  users=$(printf '%s\n' "$users" | sed "s/#${role}_PASSWORD_SHA256/#$hash/")
  unset "STAMPEDE_${role}_PASSWORD" password hash
done
printf '%s\n' "$users" >"$folder/users.acl"

# With a certificate there (compose.hosts.yaml), other machines are served by TLS beside the cluster's own network.
tls=${STAMPEDE_TLS_FOLDER:-/tls}
if [ -r "$tls/redis.crt" ]; then
  tls=$(cd "$tls" && pwd)
  set -- --tls-port 6380 --tls-cert-file "$tls/redis.crt" --tls-key-file "$tls/redis.key" --tls-ca-cert-file "$tls/ca.crt" \
    --tls-auth-clients no "$@"
fi
exec redis-server "$here/redis.conf" --aclfile "$folder/users.acl" "$@"
