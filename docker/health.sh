#!/bin/bash
# Whether the role in this container is well: 0 when GET /healthz says 200. By bash alone: a program that starts every
# few seconds must cost the cores that make load as little as can be.
port=${STAMPEDE_METRICS_PORT:-9464}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port" >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
