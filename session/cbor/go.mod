module github.com/evenkeel/evenkeel/session/cbor

go 1.26.0

require (
	github.com/evenkeel/evenkeel/session v0.0.0
	github.com/fxamacker/cbor/v2 v2.10.0
)

require github.com/x448/float16 v0.8.4 // indirect

replace github.com/evenkeel/evenkeel/session => ../
