# One image for `serve`, `worker` and `migrate`: compose.yaml says which.
FROM python:3.11-slim AS packages
COPY requirements.lock .
RUN python -m venv /opt/divize \
 && /opt/divize/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /srv/divize --shell /usr/sbin/nologin divize
COPY --from=packages /opt/divize /opt/divize
WORKDIR /srv/divize
COPY app app
COPY migrations migrations
RUN python -m compileall -q app migrations
ENV PATH=/opt/divize/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
USER divize
EXPOSE 8000
# A worker has no port; compose.yaml gives it a check of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
