package marker

import (
	"fmt"
	"slices"
	"strings"
)

// parser reads a marker from left to right.
type parser struct {
	rest  string
	depth int
}

// variables are those of the specification.
var variables = []string{
	"os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release", "platform_system", "platform_version",
	"python_version", "python_full_version", "implementation_name", "implementation_version", "extra",
}

// operators, the longer before those that they begin with.
var operators = []string{"===", "==", "!=", "~=", "<=", ">=", "<", ">"}

// peek returns the next word, operator, parenthesis or quoted text without taking it; nothing at the end.
func (p *parser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		return ""
	}
	switch c := p.rest[0]; c {
	case '(', ')':
		return p.rest[:1]
	case '\'', '"':
		if end := strings.IndexByte(p.rest[1:], c); end >= 0 {
			return p.rest[:end+2]
		}
		return p.rest
	}
	for _, operator := range operators {
		if strings.HasPrefix(p.rest, operator) {
			return operator
		}
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return r != '_' && r != '.' && (r < 'a' || r > 'z') })
	switch end {
	case -1:
		return p.rest
	case 0:
		return p.rest[:1]
	}
	return p.rest[:end]
}

func (p *parser) take() string {
	token := p.peek()
	p.rest = p.rest[len(token):]
	return token
}

func (p *parser) or() (node, error) {
	left, err := p.and()
	for err == nil && p.peek() == "or" {
		p.take()
		var right node
		right, err = p.and()
		left = either{left, right}
	}
	return left, err
}

func (p *parser) and() (node, error) {
	left, err := p.atom()
	for err == nil && p.peek() == "and" {
		p.take()
		var right node
		right, err = p.atom()
		left = both{left, right}
	}
	return left, err
}

func (p *parser) atom() (node, error) {
	if p.peek() != "(" {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("its parentheses nest deeper than %d", maxDepth)
	}
	p.take()
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	if closing := p.take(); closing != ")" {
		return nil, unexpected(closing, "a closing parenthesis")
	}
	p.depth--
	return inner, nil
}

func (p *parser) comparison() (node, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	operator := p.take()
	switch {
	case operator == "not":
		if in := p.take(); in != "in" {
			return nil, unexpected(in, "in")
		}
		operator = "not in"
	case operator != "in" && !slices.Contains(operators, operator):
		return nil, unexpected(operator, "an operator")
	}
	right, err := p.operand()
	return comparison{left, operator, right}, err
}

func (p *parser) operand() (operand, error) {
	token := p.take()
	if slices.Contains(variables, token) {
		return operand{variable: token}, nil
	}
	if n := len(token); n >= 2 && (token[0] == '\'' || token[0] == '"') && token[n-1] == token[0] {
		return operand{literal: token[1 : n-1]}, nil
	}
	return operand{}, unexpected(token, "a variable or a quoted text")
}

func unexpected(found, wanted string) error {
	if found == "" {
		return errEnd
	}
	return fmt.Errorf("%.50q stands where %s belongs", found, wanted)
}
