#!/bin/bash
# Whether the role in this container is well: 0 when GET /healthz says 200. By bash alone: a program that starts every
# few seconds must cost the cores that make load as little as can be.
address=${STAMPEDE_METRICS:-0.0.0.0:9464}
host=${address%:*} port=${address##*:}
if [ "$host" = 0.0.0.0 ] || [ "$host" = "$address" ]; then host=127.0.0.1; fi
exec 3<>"/dev/tcp/$host/$port" || exit 1
printf 'GET /healthz HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$host" "$port" >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
