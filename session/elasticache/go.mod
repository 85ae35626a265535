module github.com/evenkeel/evenkeel/session/elasticache

go 1.26.0
