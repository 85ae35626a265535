package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/audit/report"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Say what a rule of evenkeel check looks for, why, and what to do",
		Long: `Prints a rule's page: what is wrong, what users notice, what to do, how to
leave it out, and where it is known from. Without a RULE it lists all.`,
		Example: `  evenkeel explain EK-K8S-001`,
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var all []string
			for _, r := range rules.All() {
				all = append(all, cobra.CompletionWithDesc(r.ID, r.Title))
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text := report.List(rules.All())
			if len(args) > 0 {
				r, err := findRule(rules.All(), args[0])
				if err != nil {
					return usageError(err)
				}
				text = report.Page(r)
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}

// findRule takes an ID in any case, and without its EK-.
func findRule(all []*rule.Rule, id string) (*rule.Rule, error) {
	wanted := strings.ToUpper(id)
	if !strings.HasPrefix(wanted, "EK-") {
		wanted = "EK-" + wanted
	}
	for _, r := range all {
		if r.ID == wanted {
			return r, nil
		}
	}
	near := nearRules(all, wanted)
	if len(near) == 0 {
		return nil, fmt.Errorf("no rule %.40q; evenkeel explain lists all", id)
	}
	return nil, fmt.Errorf("no rule %.40q; near it: %s; evenkeel explain lists all", id, strings.Join(near, ", "))
}

// nearRules are up to four rules that differ from id by at most two letters,
// the nearest first.
func nearRules(all []*rule.Rule, id string) (near []string) {
	type candidate struct {
		id  string
		far int
	}
	var found []candidate
	for _, r := range all {
		if far := distance(r.ID, id); far <= 2 {
			found = append(found, candidate{r.ID, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.far - b.far })
	for _, c := range found[:min(4, len(found))] {
		near = append(near, c.id)
	}
	return near
}

// distance is how many letters have to be changed, added or left out
// (Levenshtein).
func distance(a, b string) int {
	b = b[:min(len(b), 40)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
