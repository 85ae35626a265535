// Package shellscript tells what a shell does with the last command of a script:
// whether the shell stays the first process, which gets the signals.
//
// Guarantees: a script is found only if the shell stays for certain.
//
// Not guaranteed: that all such scripts are found.
package shellscript

import (
	"path"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
)

// Shells are those that run scripts of sh -c.
var Shells = []string{"sh", "bash", "ash", "dash"}

var (
	// handled are scripts that see to signals themselves, or are more than a
	// list of commands.
	handled = regexp.MustCompile(`(^|[;&|\s({])(exec|trap|tini|dumb-init|catatonit|s6-\S+|supervisord|runsvdir|evenkeel)\s|\(\)|<<|` + "`" + `|(^|[;&|\s])(fi|done|esac|\})\s*$`)
	// noServer are commands that are not what serves, or that hide it.
	noServer    = regexp.MustCompile(`^(\.|source|eval|cd|set|export|echo|printf|exit|true|false|test|\[|wait|sleep|tail|cat|mkdir|cp|mv|rm|chmod|chown|if|while|for|case|until|\$|"\$|\(|\{|!)(\s|$|[A-Za-z@{(])`)
	assignments = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*=(?:"[^"]*"|'[^']*'|[^\s"']*)\s+)*`)
)

// LastCommand is the last command of a script, and where exec belongs in it: at
// is -1 if exec alone does not help, as in a pipe. ok is false if the script is
// none that leaves a server behind a shell for certain.
func LastCommand(script string) (last string, at int, ok bool) {
	if handled.MatchString(script) {
		return "", 0, false
	}
	begin, end, before, ok := lastPart(script)
	if !ok {
		return "", 0, false
	}
	last = script[begin:end]
	skip := len(assignments.FindString(last))
	command := last[skip:]
	piped := before == '|' || before == '&'
	if command == "wait" && before == '&' {
		return "the program", -1, true
	}
	if command == "" || before == 'o' || !piped && noServer.MatchString(command) {
		return "", 0, false
	}
	if before == '|' {
		return "the program", -1, true
	}
	return command, begin + skip, before != '&'
}

// lastPart is the last simple command of a script, and what stands before it:
// 'o' for ||, '|', '&', ';' for all that waits, 0 for nothing. ok is false if
// quotes are not closed or nothing is there.
func lastPart(script string) (begin, end int, before byte, ok bool) {
	var quote byte
	end = len(strings.TrimRight(script, " \t\r\n;"))
	for i := 0; i < end; i++ {
		c := script[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n", script[i-1]) >= 0):
			return 0, 0, 0, false // a comment: not read further
		case c == '&' && (i > 0 && script[i-1] == '>' || i+1 < end && script[i+1] == '>'): // 2>&1, &>
		case strings.IndexByte(";\n|&", c) >= 0:
			before, begin = c, i+1
			if i+1 < end && script[i+1] == c && c != '\n' {
				before, begin = map[byte]byte{'|': 'o', '&': ';', ';': ';'}[c], i+2
				i++
			}
			if c == '\n' {
				before = ';'
			}
		}
	}
	begin += len(script[begin:end]) - len(strings.TrimLeft(script[begin:end], " \t\r\n"))
	return begin, end, before, quote == 0 && begin < end
}

// Replaced reports whether the shell becomes its last command by itself.
func Replaced(shell, command string) bool {
	return shell == "busybox" || shell == "ash" || shell == "bash" && !strings.ContainsAny(command, "<>")
}

// ReplacesItself reports whether the shell of the image called ref becomes its
// last command by itself.
func ReplacesItself(ref, shell, command string) bool {
	if shell == "sh" {
		shell = image.Shell(ref)
	}
	return Replaced(shell, command)
}

// Program is the name of what a command starts.
func Program(command string) string {
	if command == "the program" {
		return command
	}
	name, _, _ := strings.Cut(command, " ")
	return path.Base(name)
}
