# PureRTC as a container: docs/hosting.md. From the root of the repository:
#   docker build --tag purertc .
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
ENV NODE_ENV=production PURERTC_PORT=8080
COPY --from=build /app/package.json /app/LICENSE /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
USER node
WORKDIR /home/node
# The page and signaling; STUN and TURN. Relayed addresses need more: docs/hosting.md.
EXPOSE 8080/tcp 3478/udp 3478/tcp
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PURERTC_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process: it gets SIGTERM itself, and sends visitors away over half a minute (`docker stop --time 45`).
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["serve"]
