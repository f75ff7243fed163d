// Package marker evaluates environment markers, by which a Python package says where it needs a dependency (Python packaging specification
// "Dependency specifiers", PEP 508).
package marker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deps.dev/util/pypi"
	"deps.dev/util/semver"
)

const (
	// maxText bounds a marker, in bytes; uv's longest have some thousand.
	maxText = 64 << 10
	// maxDepth bounds how deep parentheses nest.
	maxDepth = 100
)

// Environment holds the values of the variables by name, "extra" excepted.
type Environment map[string]string

// Marker is a parsed marker. The zero value is the absence of one, which holds everywhere.
type Marker struct{ root node }

// node is a part of a marker.
type node interface {
	holds(env Environment, extra string) bool
}

// Parse reads a marker. An empty text is the absence of one.
func Parse(text string) (Marker, error) {
	if len(text) > maxText {
		return Marker{}, fmt.Errorf("marker %.100q… is longer than %d bytes", text, maxText)
	}
	if strings.Trim(text, " \t") == "" {
		return Marker{}, nil
	}
	p := &parser{rest: text}
	root, err := p.or()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("%.50q is too much", p.rest)
	}
	if err != nil {
		return Marker{}, fmt.Errorf("marker %.200q cannot be read: %w", text, err)
	}
	return Marker{root}, nil
}

// Holds says whether the marker is true in an environment for a package that was asked for with the extras.
func (m Marker) Holds(env Environment, extras []string) bool {
	if m.root == nil || m.root.holds(env, "") {
		return true
	}
	return slices.ContainsFunc(extras, func(extra string) bool { return m.root.holds(env, extra) })
}

type (
	either struct{ left, right node }
	both   struct{ left, right node }
)

func (n either) holds(env Environment, extra string) bool {
	return n.left.holds(env, extra) || n.right.holds(env, extra)
}

func (n both) holds(env Environment, extra string) bool {
	return n.left.holds(env, extra) && n.right.holds(env, extra)
}

// operand is a variable or a literal.
type operand struct {
	variable, literal string // one of them
}

func (o operand) value(env Environment, extra string) string {
	switch o.variable {
	case "":
		return o.literal
	case "extra":
		return extra
	}
	return env[o.variable]
}

// comparison is a marker without and, or and parentheses.
type comparison struct {
	left     operand
	operator string
	right    operand
}

// versions are the variables that are compared as versions.
var versions = []string{"python_version", "python_full_version", "implementation_version"}

func (c comparison) holds(env Environment, extra string) bool {
	left, right := c.left.value(env, extra), c.right.value(env, extra)
	if c.left.variable == "extra" || c.right.variable == "extra" {
		left, right = pypi.CanonPackageName(left), pypi.CanonPackageName(right)
	}
	if slices.Contains(versions, c.left.variable) && c.operator != "in" && c.operator != "not in" {
		if constraint, err := semver.PyPI.ParseConstraint(c.operator + right); err == nil {
			if version, err := semver.PyPI.Parse(left); err == nil {
				return constraint.MatchVersionPrerelease(version)
			}
		}
	}
	switch c.operator {
	case "==", "===":
		return left == right
	case "!=":
		return left != right
	case "in":
		return strings.Contains(right, left)
	case "not in":
		return !strings.Contains(right, left)
	case "<", "<=", ">", ">=":
		return ordered(left, c.operator, right)
	}
	return false // ~= of what is no version
}

// ordered compares what is no version as texts, as Python does.
func ordered(left, operator, right string) bool {
	order := strings.Compare(left, right)
	return order < 0 && operator[0] == '<' || order > 0 && operator[0] == '>' || order == 0 && len(operator) == 2
}

// errEnd is the error of a marker that stops in the middle.
var errEnd = errors.New("it ends too early")
