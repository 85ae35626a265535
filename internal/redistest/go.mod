module github.com/evenkeel/evenkeel/internal/redistest

go 1.26.0

require github.com/evenkeel/evenkeel/internal/proctest v0.0.0

replace github.com/evenkeel/evenkeel/internal/proctest => ../proctest
