# The server as an image with nothing else in it, of a binary that Go has built
# for the platform before: what make image runs. See functions/server/Dockerfile.
FROM scratch
COPY --chown=65532:65532 . /
USER 65532:65532
ENV DATA_DIR=/data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/confab"]
