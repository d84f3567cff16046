# syntax=docker/dockerfile:1

# The wheel and everything it needs are put into one environment here; the compiler's leftovers stay behind.
FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /src
RUN python -m venv /opt/referral-service
ENV PATH=/opt/referral-service/bin:$PATH

# Pinned to the byte, and apart from the sources, so that a change of ours does not install everything again.
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: --requirement requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY referral_service ./referral_service
RUN pip install --no-deps . \
    && python -m compileall -q /opt/referral-service/lib


FROM python:3.13-slim-bookworm

# A fixed number, so that a volume's owner is the same on every host.
RUN groupadd --system --gid 10001 referral \
    && useradd --system --uid 10001 --gid referral --home-dir /var/lib/referral-service --create-home \
       --shell /usr/sbin/nologin referral

COPY --from=build /opt/referral-service /opt/referral-service

ENV PATH=/opt/referral-service/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080 \
    REFERRAL_HOST=0.0.0.0 \
    REFERRAL_DATA_DIR=/var/lib/referral-service

USER 10001:10001
WORKDIR /var/lib/referral-service
VOLUME ["/var/lib/referral-service"]
EXPOSE 8080

# The slim image has no curl; urllib needs nothing. The start period covers the migration of a first start.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2).read()"]

# Exec form: the server gets the stop signal itself and finishes what it has begun.
STOPSIGNAL SIGTERM
ENTRYPOINT ["referral-service"]
CMD ["serve"]
