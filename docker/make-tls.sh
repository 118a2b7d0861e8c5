#!/bin/sh
# Makes tls/: a certificate authority of this cluster alone, and a certificate for its Redis by the names and addresses that
# other machines use. They get tls/ca.crt, nothing else of it. It overwrites nothing.
# Usage: sh docker/make-tls.sh NAME-OR-ADDRESS...
set -eu
cd "$(dirname "$0")/.."
if [ $# = 0 ] || [ -e tls ]; then
  echo "Cannot make tls/: wanted the names or addresses of this machine as arguments, and no tls/ yet" >&2
  exit 2
fi
names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
  esac
  case $name in *:*) kind=IP ;; esac
  names="${names:+$names,}$kind:$name"
done

umask 077
mkdir tls
curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
# shellcheck disable=SC2086
openssl req -x509 $curve -days 825 -keyout tls/ca.key -out tls/ca.crt -subj '/CN=stampede cluster' \
  -addext 'keyUsage=critical,keyCertSign' 2>/dev/null
# shellcheck disable=SC2086
openssl req $curve -keyout tls/redis.key -out tls/redis.csr -subj "/CN=$1" 2>/dev/null
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >tls/redis.ext
openssl x509 -req -in tls/redis.csr -CA tls/ca.crt -CAkey tls/ca.key -CAcreateserial -days 825 \
  -extfile tls/redis.ext -out tls/redis.crt 2>/dev/null
rm -f tls/redis.csr tls/redis.ext tls/ca.srl
# The folder is for nobody else; the files that a container gets are read there by another user than their owner here.
chmod 644 tls/ca.crt tls/redis.crt tls/redis.key
echo "wrote tls/: give tls/ca.crt to every other machine of the cluster"
