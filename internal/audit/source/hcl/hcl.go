// Package hcl reads the HCL of Terraform and OpenTofu into trees, with the values
// that expressions have.
//
//	err := hcl.Parse(f) // each file alone
//	hcl.Link(files)     // then what files of one folder, and calls of modules, say of each other
//
// Guarantees: what files do not decide is unknown, with the resources that it
// refers to; lists and maps keep the place of every item, through locals, merge,
// concat and jsonencode; nothing outside the files is looked at; the cost of
// evaluation is bounded.
//
// Not guaranteed: functions of Terraform beside those in functions.go; modules
// that are not in a folder that was read.
package hcl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Bounds of HCL, whose parser and evaluation recurse.
const (
	maxBytes     = 512 << 10
	maxNesting   = 150
	maxOperators = 20_000
	maxNodes     = 100_000 // of a file, locals followed
	maxMarks     = 150_000 // the parser needs up to 1 KB for what stands between two of them
)

// Parse reads f by itself: what other files of its folder say is unknown
// until Link.
func Parse(f *tree.File) error {
	if err := checkBounds(f); err != nil {
		return err
	}
	parsed, diags := hclsyntax.ParseConfig(f.Data, f.Name, hcl.InitialPos)
	if err := syntaxError(diags); err != nil {
		return err
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return errors.New("not valid HCL")
	}
	f.Syntax = body
	return newModules([]*tree.File{f}).build(f)
}

// checkBounds refuses what would exhaust the stack.
func checkBounds(f *tree.File) error {
	if len(f.Data) > maxBytes {
		return fmt.Errorf("more than %d KiB", maxBytes>>10)
	}
	marks := 0
	for _, c := range f.Data {
		if strings.IndexByte(",\n+-*/%?:<>=!&|([{$", c) >= 0 {
			marks++
		}
	}
	if marks > maxMarks {
		return fmt.Errorf("too many values in one file: more than %d", maxMarks)
	}
	tokens, diags := hclsyntax.LexConfig(f.Data, f.Name, hcl.InitialPos)
	if err := syntaxError(diags); err != nil {
		return err
	}
	depth, operators := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		default:
		}
		if isOperator(t.Type) || i > 0 && t.Type == hclsyntax.TokenOBrack && tokens[i-1].Type == hclsyntax.TokenCBrack {
			operators++
		}
		if depth > maxNesting || operators > maxOperators {
			return tree.ErrorAt(t.Range.Start.Line, errors.New("nested too deep, or too many operators"))
		}
	}
	return nil
}

func isOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenBang,
		hclsyntax.TokenQuestion, hclsyntax.TokenTemplateControl:
		return true
	default:
		return false
	}
}

func syntaxError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		return tree.ErrorAt(line, errors.New("not valid HCL: "+strings.ToLower(d.Summary)))
	}
	return nil
}

// AutoVariables reports whether Terraform reads a file of variables by itself.
func AutoVariables(name string) bool {
	return name == "terraform.tfvars" || strings.HasSuffix(name, ".auto.tfvars")
}
