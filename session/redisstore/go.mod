module github.com/evenkeel/evenkeel/session/redisstore

go 1.26.0

require github.com/redis/rueidis v1.0.79

require golang.org/x/sys v0.47.0 // indirect

replace (
	github.com/evenkeel/evenkeel/internal/proctest => ../../internal/proctest
	github.com/evenkeel/evenkeel/internal/redistest => ../../internal/redistest
	github.com/evenkeel/evenkeel/session => ../
)
