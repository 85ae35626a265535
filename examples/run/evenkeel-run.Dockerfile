# The image that the others copy the binary from: docker build -t evenkeel-run
# -f examples/run/evenkeel-run.Dockerfile . (in the root of the repository)
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /evenkeel-run ./cmd/evenkeel-run

FROM scratch
COPY --from=build /evenkeel-run /evenkeel-run
ENTRYPOINT ["/evenkeel-run"]
