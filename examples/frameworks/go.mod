module github.com/evenkeel/evenkeel/examples/frameworks

go 1.26.0

require github.com/evenkeel/evenkeel/session v0.0.0

replace github.com/evenkeel/evenkeel/session => ../../session
