module github.com/evenkeel/evenkeel/internal/proctest

go 1.26.0
