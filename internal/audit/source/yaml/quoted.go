package yaml

// QuotedEnd is the byte after the quoted text that rest begins with, of which start
// is the first byte in the file; 0 if it does not end in rest.
func QuotedEnd(rest []byte, start int, quote byte) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && quote == '"':
			i++
		case rest[i] == quote && i+1 < len(rest) && rest[i+1] == quote && quote == '\'':
			i++
		case rest[i] == quote:
			return start + i + 1
		}
	}
	return 0
}
