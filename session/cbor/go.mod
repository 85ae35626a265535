module github.com/evenkeel/evenkeel/session/cbor

go 1.26.0
