package workload

import (
	"path"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/rules/shellscript"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// shellScript is the script that a shell runs as c's first process, and the
// shell; nil if there is none, or it is not decided.
func shellScript(c *kube.Container) (script *tree.Node, shell string) {
	command := c.Node.Get("command").List()
	if len(command) == 0 || !slices.Contains(shellscript.Shells, path.Base(command[0].Text())) {
		return nil, ""
	}
	words := slices.Concat(command[1:], c.Node.Get("args").List())
	for i, w := range words {
		option := w.Text()
		switch {
		case option == "-o": // its word is passed over as "pipefail" is
		case i > 0 && words[i-1].Text() == "-o":
		case !strings.HasPrefix(option, "-"):
			return nil, ""
		case strings.Contains(option, "c") && i+1 < len(words) && words[i+1].Text() != "":
			return words[i+1], path.Base(command[0].Text())
		}
	}
	return nil, ""
}
