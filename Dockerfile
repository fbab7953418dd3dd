# One image for every role; the command picks it: run, migrate, produce, consume, api.
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/watchdesk
COPY requirements.lock ./
RUN /opt/watchdesk/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY alembic ./alembic
COPY app ./app
COPY consumers ./consumers
COPY producers ./producers
RUN /opt/watchdesk/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation .
# Built here once, or each container would take half a minute and half a gigabyte for it at its first start.
RUN /opt/watchdesk/bin/watchdesk gazetteer build --out /opt/watchdesk/places.bin

FROM python:3.13-slim
LABEL org.opencontainers.image.title="watchdesk" \
      org.opencontainers.image.description="The open wire of a conflict desk" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/watchdesk /opt/watchdesk
# The only place that is written to; everything else may be read-only.
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/watchdesk
ENV PATH=/opt/watchdesk/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WATCHDESK_HOME=/var/lib/watchdesk \
    WATCHDESK_GAZETTEER=/opt/watchdesk/places.bin \
    WATCHDESK_HOST=0.0.0.0 \
    WATCHDESK_OPS_HOST=0.0.0.0 \
    WATCHDESK_OPS_PORT=9464 \
    WATCHDESK_LOG_FORMAT=json
WORKDIR /var/lib/watchdesk
VOLUME /var/lib/watchdesk
USER 10001:10001
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["watchdesk"]
CMD ["run"]
