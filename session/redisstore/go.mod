module github.com/evenkeel/evenkeel/session/redisstore

go 1.26.0

require (
	github.com/evenkeel/evenkeel/internal/proctest v0.0.0
	github.com/evenkeel/evenkeel/internal/redistest v0.0.0-00010101000000-000000000000
	github.com/evenkeel/evenkeel/session v0.0.0-00010101000000-000000000000
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.47.0 // indirect

replace (
	github.com/evenkeel/evenkeel/internal/proctest => ../../internal/proctest
	github.com/evenkeel/evenkeel/internal/redistest => ../../internal/redistest
	github.com/evenkeel/evenkeel/session => ../
)
