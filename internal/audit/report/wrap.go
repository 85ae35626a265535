package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable is a text without what commands a terminal or turns its direction;
// tabs are blanks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return '\uFFFD'
		}
		return r
	}, s)
}

// wrap breaks text into lines of at most 80 columns between words. A word that
// is longer stands alone.
func wrap(text, first, rest string) (lines []string) {
	line, start := first, true
	for word := range strings.FieldsSeq(printable(text)) {
		if !start && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, start = rest, true
		}
		if !start {
			line += " "
		}
		line, start = line+word, false
	}
	return append(lines, line)
}
