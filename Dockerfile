# Every image of the cluster, by target: coordinator, agent, server, redis, prometheus, agent-k6.
#
# Node 26 is the LTS line that is current (October 2026 to April 2028 or later); Stampede runs on 20.19 and newer. Debian 12,
# because its nginx, iproute2 and ethtool are those that the tests know. A builder without BuildKit reads this file too,
# and builds whatever stands above its target: what fewer people need stands further below.
ARG NODE_IMAGE=node:26-bookworm-slim
ARG REDIS_IMAGE=redis:7-bookworm
ARG PROMETHEUS_IMAGE=prom/prometheus:latest
ARG K6_IMAGE=grafana/k6:latest

# As a checkout is set up, too; then what only tests and the build need is left behind.
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY . .
RUN node setup.mjs --without-programs \
  && npm prune --omit=dev --no-audit --no-fund --loglevel=error \
  && rm -rf dist/test dist/bench

FROM ${NODE_IMAGE} AS role
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends iproute2 ethtool \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/node_modules /opt/stampede/node_modules
COPY --from=build /build/dist /opt/stampede/dist
COPY --from=build /build/package.json /build/LICENSE /opt/stampede/
COPY scenarios /stampede/scenarios
COPY docker/health.sh docker/start-member.sh /opt/stampede/docker/
RUN printf '#!/bin/sh\nexec node /opt/stampede/dist/cli/stampede.js "$@"\n' >/usr/local/bin/stampede \
  && chmod 755 /usr/local/bin/stampede /opt/stampede/docker/*.sh
WORKDIR /stampede
ENV NODE_ENV=production
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/opt/stampede/docker/health.sh"]

# Needs no right at all.
FROM role AS coordinator
USER node
ENTRYPOINT ["stampede"]
CMD ["coordinator", "scenarios/cluster.yaml"]

# Begins as root, to ready its load device, and goes on as "node" with the network rights that its container has.
FROM role AS agent
ENTRYPOINT ["/opt/stampede/docker/start-member.sh"]
CMD ["agent"]

FROM role AS server
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends nginx-light \
  && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["/opt/stampede/docker/start-member.sh"]
CMD ["server"]

FROM ${REDIS_IMAGE} AS redis
USER root
COPY docker/redis /opt/stampede/redis
RUN mkdir -p /data && chown redis:redis /data && chmod 755 /opt/stampede/redis/start.sh
USER redis
WORKDIR /data
ENTRYPOINT ["/opt/stampede/redis/start.sh"]
CMD []
# A stranger is told that there is somebody who lets no strangers in.
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=5 CMD redis-cli ping | grep -q NOAUTH

FROM ${PROMETHEUS_IMAGE} AS prometheus
USER root
COPY dashboards/prometheus /etc/prometheus
COPY docker/prometheus/start.sh /opt/stampede/prometheus/start.sh
RUN mkdir -p /prometheus && chown 65534:65534 /prometheus && chmod 755 /opt/stampede/prometheus/start.sh
USER 65534:65534
WORKDIR /prometheus
ENTRYPOINT ["/opt/stampede/prometheus/start.sh"]
CMD []
HEALTHCHECK --interval=15s --timeout=3s --start-period=15s --retries=3 CMD ["promtool", "check", "healthy", "--url=http://127.0.0.1:9090"]

FROM ${K6_IMAGE} AS k6
FROM agent AS agent-k6
COPY --from=k6 /usr/bin/k6 /usr/local/bin/k6
