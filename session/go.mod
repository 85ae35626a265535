module github.com/evenkeel/evenkeel/session

go 1.26.0
