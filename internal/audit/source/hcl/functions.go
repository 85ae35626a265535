package hcl

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
)

// functions are those of Terraform that depend on their arguments alone and
// whose result is not much larger than these. A call of any other makes the
// value undecided.
var functions = bounded(map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
	"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "signum": stdlib.SignumFunc,
	"lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "title": stdlib.TitleFunc, "trimspace": stdlib.TrimSpaceFunc,
	"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc, "chomp": stdlib.ChompFunc,
	"substr": stdlib.SubstrFunc, "split": stdlib.SplitFunc, "join": stdlib.JoinFunc, "replace": stdlib.ReplaceFunc,
	"length": stdlib.LengthFunc, "element": stdlib.ElementFunc, "lookup": stdlib.LookupFunc, "keys": stdlib.KeysFunc,
	"values": stdlib.ValuesFunc, "merge": stdlib.MergeFunc, "concat": stdlib.ConcatFunc, "flatten": stdlib.FlattenFunc,
	"compact": stdlib.CompactFunc, "distinct": stdlib.DistinctFunc, "contains": stdlib.ContainsFunc,
	"coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "zipmap": stdlib.ZipmapFunc,
	"jsonencode": stdlib.JSONEncodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
	"tostring": converts(cty.String), "tonumber": converts(cty.Number), "tobool": converts(cty.Bool),
	"try": tryfunc.TryFunc, "can": tryfunc.CanFunc, "format": stdlib.FormatFunc,
})

// converts makes a function that converts its argument to a type.
func converts(to cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "v", Type: cty.DynamicPseudoType, AllowNull: true}},
		Type:   function.StaticReturnType(to),
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return convert.Convert(args[0], to) },
	})
}

// maxArguments bounds the arguments of one call, and so the product of two.
const maxArguments = 4 << 10

var errLarge = errors.New("too large to evaluate")

// bounded makes functions refuse large arguments.
func bounded(all map[string]function.Function) map[string]function.Function {
	for name, f := range all {
		if name == "try" || name == "can" {
			continue // their arguments are expressions
		}
		all[name] = function.New(&function.Spec{
			Params: f.Params(), VarParam: f.VarParam(),
			Type: func(args []cty.Value) (cty.Type, error) {
				if !smallCall(name, args) {
					return cty.NilType, errLarge
				}
				return f.ReturnTypeForValues(args)
			},
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
		})
	}
	return all
}

func smallCall(name string, args []cty.Value) bool {
	sum := 0
	for _, a := range args {
		sum += size(a, maxArguments)
	}
	return sum <= maxArguments && (name != "format" || narrow(args))
}

// narrow reports whether a format has no width or precision of four digits.
func narrow(args []cty.Value) bool {
	if len(args) == 0 || !args[0].IsKnown() || args[0].IsNull() || args[0].Type() != cty.String {
		return false
	}
	digits := 0
	for _, r := range args[0].AsString() {
		if digits++; r < '0' || r > '9' {
			digits = 0
		}
		if digits > 3 || r == '*' {
			return false
		}
	}
	return true
}
