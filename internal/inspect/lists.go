package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/observation"
)

// Bounds of one list.
const (
	maxPages       = 1_000
	maxDefinitions = 10_000
)

// list is one of the lists of a server.
type list struct {
	method     string
	member     string // of the result, that holds the definitions
	key        string // of a definition, that identifies it
	capability string
	into       *[]observation.Definition
	ask        func(ctx context.Context, cursor string) error
}

// lists fills in the lists that the server declares. Tools are asked for in any case: a client that does not look at capabilities would see them.
func (s *session) lists(ctx context.Context, o *observation.Observation, declared map[string]json.RawMessage) error {
	for _, l := range []list{
		{methodTools, "tools", "name", "tools", &o.Tools, func(ctx context.Context, cursor string) error {
			_, err := s.client.ListTools(ctx, &mcp.ListToolsParams{Cursor: cursor})
			return err
		}},
		{methodPrompts, "prompts", "name", "prompts", &o.Prompts, func(ctx context.Context, cursor string) error {
			_, err := s.client.ListPrompts(ctx, &mcp.ListPromptsParams{Cursor: cursor})
			return err
		}},
		{methodResources, "resources", "uri", "resources", &o.Resources, func(ctx context.Context, cursor string) error {
			_, err := s.client.ListResources(ctx, &mcp.ListResourcesParams{Cursor: cursor})
			return err
		}},
		{methodTemplates, "resourceTemplates", "uriTemplate", "resources", &o.Templates, func(ctx context.Context, cursor string) error {
			_, err := s.client.ListResourceTemplates(ctx, &mcp.ListResourceTemplatesParams{Cursor: cursor})
			return err
		}},
	} {
		_, ok := declared[l.capability]
		if !ok && l.method != methodTools {
			continue
		}
		err := s.pages(ctx, l)
		var answer *jsonrpc.Error
		switch {
		case err == nil && !ok && len(*l.into) > 0:
			s.problem("the server lists tools but does not declare the capability")
		case err == nil:
		case !errors.As(err, &answer) || closed(err):
			return err
		case !ok:
			// As it must be for a capability that is not declared.
		case l.method == methodTools:
			return err
		case l.method == methodTemplates && answer.Code == jsonrpc.CodeMethodNotFound:
			// Servers with plain resources only often leave it out.
		default:
			s.problem("the server declares %s, but answers %s with error %d: %s", l.capability, l.method, answer.Code, excerpt(answer.Message, 200))
		}
	}
	return nil
}

// pages asks for all pages of a list.
func (s *session) pages(ctx context.Context, l list) error {
	cursor, cursors, names := "", map[string]bool{}, map[string]bool{}
	for range maxPages {
		asked := l.ask(ctx, cursor)
		raw := s.log.take(l.method)
		if raw == nil {
			if asked == nil {
				return fmt.Errorf("the answer to %s has no result", l.method)
			}
			return asked
		}
		if f := s.log.verdict(); f != nil {
			return f
		}
		if asked != nil {
			// Other clients may be more lenient, and would show what is there.
			s.problem("the Go SDK cannot read the answer to %s: %s", l.method, excerpt(asked.Error(), 300))
		}
		var page map[string]json.RawMessage
		var definitions []json.RawMessage
		err := json.Unmarshal(raw, &page)
		if err == nil {
			err = json.Unmarshal(page[l.member], &definitions)
		}
		if err != nil {
			return failf(ProtocolError, l.method, "The server's answer to %s holds no list %q: %s", l.method, l.member, excerpt(string(raw), 200))
		}
		for _, raw := range definitions {
			d, err := define(l, raw)
			if err != nil {
				return err
			}
			if names[d.Key] {
				return failf(DuplicateName, l.method, "The server lists %s %q twice; clients would disagree on which one counts.", l.key, excerpt(d.Key, 120))
			}
			names[d.Key] = true
			*l.into = append(*l.into, d)
		}
		if len(*l.into) > maxDefinitions {
			return failf(EndlessPages, l.method, "The server lists more than %d definitions in answer to %s.", maxDefinitions, l.method)
		}
		cursor = ""
		if next := page["nextCursor"]; len(next) > 0 && string(next) != "null" {
			if err := json.Unmarshal(next, &cursor); err != nil {
				return failf(ProtocolError, l.method, "The server's answer to %s has a nextCursor that is no string.", l.method)
			}
		}
		if cursor == "" {
			return nil
		}
		if cursors[cursor] {
			return failf(EndlessPages, l.method, "The server's pages of %s lead in a circle: the cursor %q came twice.", l.method, excerpt(cursor, 80))
		}
		cursors[cursor] = true
	}
	return failf(EndlessPages, l.method, "The server's list %s has more than %d pages.", l.method, maxPages)
}

// define keys a definition as its list wants it.
func define(l list, raw json.RawMessage) (observation.Definition, error) {
	d, err := observation.Define(raw, l.key)
	if err != nil {
		return d, failf(EmptyName, l.method, "The server's answer to %s has a definition without %s: %s", l.method, l.key, excerpt(string(raw), 200))
	}
	return d, nil
}
