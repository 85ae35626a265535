module github.com/evenkeel/evenkeel/drain

go 1.26.0
