//go:build !linux

package sqlitestore

// networkFilesystem knows nothing about file systems outside Linux: there,
// keeping the file on a local disk is up to the operator.
func networkFilesystem(string) (name string, network bool, err error) { return "", false, nil }
