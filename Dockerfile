# Two stages: build with everything, run with a shared-library closure and nothing else.
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN ./dev build release barograph barotool && \
    mkdir -p /out/usr/bin /out/var/lib/barograph && \
    install -s build/release/barograph build/release/barotool /out/usr/bin/ && \
    ldd /out/usr/bin/barograph /out/usr/bin/barotool | awk '$2 == "=>" && $3 ~ "^/" {print $3} $1 ~ "^/lib" {print $1}' | sort -u | \
    while read -r library; do install -D "$library" "/out$library"; done

FROM scratch
COPY --from=build /out/ /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65534:65534 /out/var/lib/barograph /var/lib/barograph
USER 65534:65534
EXPOSE 9090
VOLUME ["/var/lib/barograph"]
ENTRYPOINT ["/usr/bin/barograph"]
CMD ["--storage.tsdb.path=/var/lib/barograph"]
