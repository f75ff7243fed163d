//go:build e2e && dagger

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
)

// object is what a context of a workflow holds. Its keys are in lower case, for expressions do not tell cases apart.
type object = map[string]any

// expressions knows what expressions of a workflow mean.
type expressions struct {
	contexts  object
	functions map[string]func(args []any) (any, error)
}

var inText = regexp.MustCompile(`(?s)\$\{\{(.*?)\}\}`)

// expand replaces the expressions in a text.
func (e expressions) expand(text string) (string, error) {
	var failed error
	out := inText.ReplaceAllStringFunc(text, func(found string) string {
		value, err := e.evaluate(found)
		if err != nil {
			failed = err
		}
		return toText(value)
	})
	return out, failed
}

// evaluate returns what an expression stands for, with or without its braces.
func (e expressions) evaluate(text string) (any, error) {
	text = strings.TrimSpace(text)
	text = strings.TrimSuffix(strings.TrimPrefix(text, "${{"), "}}")
	node, failed := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(text + "}}"))
	if failed != nil {
		return nil, fmt.Errorf("%q: %w", text, failed)
	}
	value, err := e.value(node)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return value, nil
}

func (e expressions) value(node actionlint.ExprNode) (any, error) {
	switch n := node.(type) {
	case *actionlint.VariableNode:
		value, known := e.contexts[strings.ToLower(n.Name)]
		if !known {
			return nil, fmt.Errorf("there is no context %s here", n.Name)
		}
		return value, nil
	case *actionlint.NullNode:
		return nil, nil
	case *actionlint.BoolNode:
		return n.Value, nil
	case *actionlint.IntNode:
		return float64(n.Value), nil
	case *actionlint.StringNode:
		return n.Value, nil
	case *actionlint.ObjectDerefNode:
		receiver, err := e.value(n.Receiver)
		from, _ := receiver.(object)
		return from[strings.ToLower(n.Property)], err
	case *actionlint.NotOpNode:
		value, err := e.value(n.Operand)
		return !truth(value), err
	case *actionlint.CompareOpNode:
		left, err := e.value(n.Left)
		if err != nil {
			return nil, err
		}
		right, err := e.value(n.Right)
		same := strings.EqualFold(toText(left), toText(right))
		if !slices.Contains([]actionlint.CompareOpNodeKind{actionlint.CompareOpNodeKindEq, actionlint.CompareOpNodeKindNotEq}, n.Kind) {
			return nil, fmt.Errorf("no test knows the comparison %v", n.Kind)
		}
		return same == (n.Kind == actionlint.CompareOpNodeKindEq), err
	case *actionlint.LogicalOpNode:
		left, err := e.value(n.Left)
		if err != nil || truth(left) != (n.Kind == actionlint.LogicalOpNodeKindAnd) {
			return left, err
		}
		return e.value(n.Right)
	case *actionlint.FuncCallNode:
		function, known := e.functions[strings.ToLower(n.Callee)]
		if !known {
			return nil, fmt.Errorf("no test knows the function %s", n.Callee)
		}
		var args []any
		for _, arg := range n.Args {
			value, err := e.value(arg)
			if err != nil {
				return nil, err
			}
			args = append(args, value)
		}
		return function(args)
	}
	return nil, fmt.Errorf("no test knows a %T", node)
}

// truth is what a value means as a condition.
func truth(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	}
	return true
}

func toText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(value)
}

// fromJSON is the function of that name. Keys become lower case.
func fromJSON(args []any) (any, error) {
	var value any
	err := json.Unmarshal([]byte(toText(args[0])), &value)
	return value, err
}
