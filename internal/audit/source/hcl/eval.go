package hcl

import (
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Bounds of evaluation: a file can double a text by every line.
const (
	maxValue    = 64 << 10 // of one value, in bytes
	maxExponent = 4096     // of a number, base 2
)

// evaluate is the value of e, undecided if it has none or is too large.
func evaluate(e hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	if !affordable(e, ctx) {
		return cty.DynamicVal
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() || v.IsMarked() {
		return cty.DynamicVal
	}
	if size(v, maxValue) > maxValue {
		return cty.DynamicVal
	}
	return v
}

// affordable refuses what costs more than a few times the size of what it uses.
func affordable(e hclsyntax.Expression, ctx *hcl.EvalContext) bool {
	ok, cost := true, 0
	visit(e, func(n hclsyntax.Node) {
		cost++
		switch n := n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.TemplateJoinExpr:
			ok = false // a product of sizes
		case *hclsyntax.LiteralValueExpr:
			cost += size(n.Val, maxValue)
		case *hclsyntax.ScopeTraversalExpr:
			if v, diags := n.Value(ctx); !diags.HasErrors() {
				cost += size(v, maxValue)
			}
		}
		ok = ok && cost <= maxValue
	})
	return ok
}

// size is about the bytes of v, or something above limit.
func size(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	switch {
	case !v.IsKnown() || v.IsNull():
		return 1
	case v.Type() == cty.String:
		return 1 + len(v.AsString())
	case v.Type() == cty.Number:
		if f := v.AsBigFloat(); tooLarge(f) {
			return limit + 1
		}
		return 8
	case !v.CanIterateElements():
		return 1
	}
	sum := 1
	for it := v.ElementIterator(); it.Next() && sum <= limit; {
		key, item := it.Element()
		if key.Type() == cty.String {
			sum += size(key, limit)
		}
		sum += size(item, limit)
	}
	return sum
}

func tooLarge(f *big.Float) bool {
	exp := f.MantExp(nil)
	return f.IsInf() || exp > maxExponent || exp < -maxExponent
}
