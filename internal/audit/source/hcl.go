package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds of HCL, whose parser and evaluation recurse.
const (
	maxHCLBytes     = 512 << 10
	maxHCLNesting   = 150
	maxHCLOperators = 20_000
	maxHCLNodes     = 100_000 // of a file, locals followed
	maxHCLMarks     = 150_000 // the parser needs up to 1 KB for what stands between two of them
)

// parseHCL reads f by itself: what other files of its folder say is unknown
// until linkHCL.
func parseHCL(f *File) error {
	if err := boundedHCL(f); err != nil {
		return err
	}
	parsed, diags := hclsyntax.ParseConfig(f.Data, f.Name, hcl.InitialPos)
	if err := hclError(diags); err != nil {
		return err
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return errors.New("not valid HCL")
	}
	f.hcl = body
	return newModules([]*File{f}).build(f)
}

// boundedHCL refuses what would exhaust the stack.
func boundedHCL(f *File) error {
	if len(f.Data) > maxHCLBytes {
		return fmt.Errorf("more than %d KiB", maxHCLBytes>>10)
	}
	marks := 0
	for _, c := range f.Data {
		if strings.IndexByte(",\n+-*/%?:<>=!&|([{$", c) >= 0 {
			marks++
		}
	}
	if marks > maxHCLMarks {
		return fmt.Errorf("too many values in one file: more than %d", maxHCLMarks)
	}
	tokens, diags := hclsyntax.LexConfig(f.Data, f.Name, hcl.InitialPos)
	if err := hclError(diags); err != nil {
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
		if depth > maxHCLNesting || operators > maxHCLOperators {
			return &lineError{t.Range.Start.Line, errors.New("nested too deep, or too many operators")}
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

func hclError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		return &lineError{line, errors.New("not valid HCL: " + strings.ToLower(d.Summary))}
	}
	return nil
}

// autoVariables reports whether Terraform reads a file of variables by itself.
func autoVariables(name string) bool {
	return name == "terraform.tfvars" || strings.HasSuffix(name, ".auto.tfvars")
}
