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
# Both folders belong to the user, so that a named volume mounted there is writable once, for the key maker.
RUN groupadd --gid 10001 trd-cds && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin trd-cds \
 && install -d -o 10001 -g 10001 /etc/trd-cds /etc/trd-cds-client
COPY --from=build /opt/trd-cds /opt/trd-cds
COPY docs/examples/client.py /opt/trd-cds/share/client.py
ENV PATH=/opt/trd-cds/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
# The service writes nothing: it runs with --read-only.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["trd-cds"]
CMD ["serve", "--host", "0.0.0.0"]
