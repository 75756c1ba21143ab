# Two stages: the first builds an environment from locked, hashed dependencies; the second holds it and nothing else.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/trd-cds
COPY requirements.lock ./
RUN /opt/trd-cds/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY docs/intended-use.md docs/intended-use.md
COPY mappings mappings
COPY plugin plugin
COPY cds_hooks cds_hooks
RUN /opt/trd-cds/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps . \
 && /opt/trd-cds/bin/trd-cds knowledge check

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="trd-cds" \
      org.opencontainers.image.description="CDS Hooks service: prior antidepressant trials and treatment resistance" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.documentation="https://trd-cds.github.io"
# The folders belong to the user, so that a named volume mounted there is writable for whoever fills it.
RUN groupadd --gid 10001 trd-cds && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin trd-cds \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/trd-cds /etc/trd-cds-client /etc/trd-cds-database \
 && install -d -o 10001 -g 10001 /etc/trd-cds
COPY --from=build /opt/trd-cds /opt/trd-cds
COPY docs/examples/client.py /opt/trd-cds/share/client.py
ENV PATH=/opt/trd-cds/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TRD_CDS_DATA_DIR=/var/lib/trd-cds
USER 10001:10001
EXPOSE 8000
# All that is written goes to the volume, and with several workers their metrics to /tmp: it runs with --read-only and
# --tmpfs /tmp.
VOLUME /var/lib/trd-cds
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
ENTRYPOINT ["trd-cds"]
CMD ["serve", "--host", "0.0.0.0"]
