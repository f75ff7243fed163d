package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/observation"
)

// Era is one of the two ways in which sessions of the protocol begin.
type Era string

// The eras of the protocol.
const (
	Discover   Era = "discover"   // server/discover, from revision 2026-07-28 on
	Initialize Era = "initialize" // the handshake before that
)

const (
	methodDiscover   = "server/discover"
	methodInitialize = "initialize"
	methodTools      = "tools/list"
	methodPrompts    = "prompts/list"
	methodResources  = "resources/list"
	methodTemplates  = "resources/templates/list"
)

// How long one answer may take. Servers of the older era owe none to server/discover, but those that take their time to start must not be
// taken for such: they refuse the older handshake after the newer one.
const (
	discoverWithin = 40 * time.Second
	answerWithin   = 20 * time.Second
)

// eras says which handshake to try.
type eras string

const (
	current        eras = ""           // the newest, then what the server speaks
	initializeOnly eras = "2025-11-25" // the newest revision of the older era
)

// spoken is what a session tells beside the observation.
type spoken struct {
	era      Era
	version  string
	problems []string
}

// observe holds a session over a transport whose messages log follows: handshake, then all lists. Its error is a [*Failure] if the server is at
// fault, as far as can be told from the messages alone.
func observe(ctx context.Context, transport mcp.Transport, log *transcript, which eras) (observation.Observation, spoken, error) {
	// Without capabilities, requests such as sampling are answered with an error by the SDK.
	client := mcp.NewClient(&mcp.Implementation{Name: "slipway", Version: "1"}, &mcp.ClientOptions{
		Capabilities:   &mcp.ClientCapabilities{},
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
	})
	s := &session{log: log}
	client.AddSendingMiddleware(s.bounded)
	connected, err := client.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: string(which)})
	if err != nil {
		return observation.Observation{}, s.spoken(), s.fault(ctx, err)
	}
	defer connected.Close()
	s.client = connected
	o, err := s.all(ctx)
	if err != nil {
		return o, s.spoken(), s.fault(ctx, err)
	}
	return o, s.spoken(), nil
}

// session is one conversation.
type session struct {
	log    *transcript
	client *mcp.ClientSession

	mu      sync.Mutex
	request string // being answered, or the last that was
	late    bool   // its answer did not come in time
	result  spoken
}

func (s *session) spoken() spoken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.result
}

func (s *session) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.problems = append(s.result.problems, fmt.Sprintf(format, args...))
}

// bounded gives each request its time.
func (s *session) bounded(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		within := answerWithin
		if method == methodDiscover {
			within = discoverWithin
		}
		s.mu.Lock()
		s.request, s.late = method, false
		s.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		result, err := next(bounded, method, request)
		if err != nil && bounded.Err() != nil && ctx.Err() == nil {
			s.mu.Lock()
			s.late = true
			s.mu.Unlock()
			if method == methodDiscover {
				s.problem("the server gave no answer to %s within %v, not even an error", method, within)
			}
		}
		return result, err
	}
}

// fault says whose fault an error of the session is.
func (s *session) fault(ctx context.Context, err error) error {
	if f := s.log.verdict(); f != nil {
		return f
	}
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	request, late := s.request, s.late
	s.mu.Unlock()
	var answer *jsonrpc.Error
	switch {
	case late:
		return failf(Hang, request, "The server gave no answer to %s within %v.", request, answerWithin)
	case errors.As(err, &answer) && !closed(err):
		return failf(ProtocolError, request, "The server answered %s with error %d: %s", request, answer.Code, excerpt(answer.Message, 500))
	case closed(err):
		return failf(Died, request, "The server closed the connection while it was asked for %s.", request)
	default:
		return failf(ProtocolError, request, "The server's answer to %s breaks the protocol: %s", request, excerpt(err.Error(), 500))
	}
}

// closed reports whether an error means that the other side has gone.
func closed(err error) bool {
	for _, gone := range []error{mcp.ErrConnectionClosed, io.EOF, io.ErrClosedPipe, os.ErrClosed, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// handshake is what server/discover and initialize answer, in the names of both.
type handshake struct {
	SupportedVersions []string                   `json:"supportedVersions"`
	ProtocolVersion   string                     `json:"protocolVersion"`
	Capabilities      map[string]json.RawMessage `json:"capabilities"`
	Instructions      string                     `json:"instructions"`
	ServerInfo        observation.Implementation `json:"serverInfo"`
	Meta              struct {
		ServerInfo observation.Implementation `json:"io.modelcontextprotocol/serverInfo"`
	} `json:"_meta"`
}

// all asks for everything that the server declares.
func (s *session) all(ctx context.Context) (observation.Observation, error) {
	agreed := s.client.InitializeResult()
	discovered, initialized := s.log.take(methodDiscover), s.log.take(methodInitialize)
	s.mu.Lock()
	s.result.version, s.result.era = agreed.ProtocolVersion, Initialize
	if initialized == nil {
		s.result.era = Discover
	}
	s.mu.Unlock()

	var o observation.Observation
	var h, d handshake
	if discovered != nil {
		if err := json.Unmarshal(discovered, &d); err != nil {
			return o, failf(ProtocolError, methodDiscover, "The server's answer to %s cannot be read: %v", methodDiscover, err)
		}
		h = d
		h.ServerInfo = d.Meta.ServerInfo
	}
	if initialized != nil {
		h = handshake{}
		if err := json.Unmarshal(initialized, &h); err != nil {
			return o, failf(ProtocolError, methodInitialize, "The server's answer to %s cannot be read: %v", methodInitialize, err)
		}
	}
	o.Server, o.Instructions = h.ServerInfo, h.Instructions
	if o.ProtocolVersions = slices.Compact(slices.Sorted(slices.Values(d.SupportedVersions))); len(o.ProtocolVersions) == 0 {
		o.ProtocolVersions = []string{h.ProtocolVersion}
	}
	slices.Reverse(o.ProtocolVersions)
	o.Extensions = h.Capabilities["extensions"]
	declared := h.Capabilities
	if declared != nil {
		rest := make(map[string]json.RawMessage, len(declared))
		for name, value := range declared {
			if name != "extensions" {
				rest[name] = value
			}
		}
		raw, err := json.Marshal(rest)
		if err != nil {
			return o, fmt.Errorf("capabilities: %w", err)
		}
		o.Capabilities = raw
	}
	return o, s.lists(ctx, &o, declared)
}
