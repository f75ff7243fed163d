package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/slipway-dev/slipway/internal/observation"
)

// server answers a request with the text of a result, or an error as a JSON-RPC error object that starts with "!". An empty answer is none.
type server func(method, cursor string) string

// legacy answers as a server of the older era does, unless special has an answer.
func legacy(special map[string]string) server {
	return func(method, _ string) string {
		if answer, ok := special[method]; ok {
			return answer
		}
		switch method {
		case "initialize":
			return `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}`
		case "tools/list":
			return `{"tools":[` + tool("one") + `]}`
		}
		return `!{"code":-32601,"message":"no such method"}`
	}
}

func tool(name string) string {
	return fmt.Sprintf(`{"name":%q,"inputSchema":{"type":"object"}}`, name)
}

// play serves on in and out until in ends. Before each answer it prints what before returns.
func (s server) play(in io.Reader, out io.Writer, before func(method string) string) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var m struct {
			ID     json.RawMessage
			Method string
			Params struct{ Cursor string }
		}
		if json.Unmarshal(lines.Bytes(), &m) != nil || m.Method == "" {
			continue
		}
		if before != nil {
			if _, err := io.WriteString(out, before(m.Method)); err != nil {
				return
			}
		}
		if len(m.ID) == 0 {
			continue
		}
		answer := s(m.Method, m.Params.Cursor)
		var text string
		switch {
		case answer == "":
			continue
		case answer[0] == '!':
			text = fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":%s}`, m.ID, answer[1:])
		default:
			text = fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, answer)
		}
		if _, err := io.WriteString(out, text+"\n"); err != nil {
			return
		}
	}
}

// ask holds a session with a scripted server.
func ask(t *testing.T, s server, before func(method string) string) (observation.Observation, spoken, *transcript, error) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() {
		s.play(inR, outW, before)
		_ = outW.Close()
	}()
	log := newTranscript(time.Now())
	o, said, err := observe(t.Context(), &stdio{in: inW, out: outR, log: log}, log, current)
	_, _ = inR.Close(), outR.Close()
	return o, said, log, err
}

func TestUnknownMembersAreKept(t *testing.T) {
	t.Parallel()
	definition := `{"name":"one","title":"1","inputSchema":{"type":"object","x-odd":1e2},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"x":1},"icons":[{"src":"data:,"}],"_meta":{"a":"b"},"uri":"not its key","unheardOf":[null]}`
	o, said, _, err := ask(t, legacy(map[string]string{
		"initialize": `{"protocolVersion":"2025-06-18","capabilities":{"tools":{"odd":1},"extensions":{"a/b":{}}},"instructions":"do","serverInfo":{"name":"n","title":"t","version":"1"}}`,
		"tools/list": `{"tools":[` + definition + `]}`,
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Tools) != 1 || string(o.Tools[0].JSON) != definition || o.Tools[0].Key != "one" {
		t.Errorf("got %s", o.Tools)
	}
	if o.Instructions != "do" || o.Server != (observation.Implementation{Name: "n", Title: "t", Version: "1"}) ||
		string(o.Capabilities) != `{"tools":{"odd":1}}` || string(o.Extensions) != `{"a/b":{}}` || !slices.Equal(o.ProtocolVersions, []string{"2025-06-18"}) {
		t.Errorf("got %+v", o)
	}
	if said.era != Initialize || said.version != "2025-06-18" || len(said.problems) > 0 {
		t.Errorf("got %+v", said)
	}
}

func TestAllPagesAndListsAreRead(t *testing.T) {
	t.Parallel()
	o, said, _, err := ask(t, func(method, cursor string) string {
		switch method + cursor {
		case "initialize":
			return `{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"prompts":{},"resources":{}},"serverInfo":{"name":"n","version":"1"}}`
		case "tools/list":
			return `{"tools":[` + tool("a") + `],"nextCursor":"2"}`
		case "tools/list2":
			return `{"tools":[],"nextCursor":"3"}`
		case "tools/list3":
			return `{"tools":[` + tool("b") + `],"nextCursor":""}`
		case "prompts/list":
			return `{"prompts":[{"name":"p"}]}`
		case "resources/list":
			return `!{"code":-32603,"message":"no network"}`
		}
		return `!{"code":-32601,"message":"no such method"}`
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Tools) != 2 || o.Tools[1].Key != "b" || len(o.Prompts) != 1 {
		t.Errorf("got %+v", o)
	}
	if len(said.problems) != 1 || !strings.Contains(said.problems[0], "resources/list") {
		t.Errorf("problems: %q", said.problems)
	}
}

// sdkServer has one tool, one prompt and one resource.
func sdkServer() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "new", Version: "2"}, &mcp.ServerOptions{Instructions: "hello"})
	mcp.AddTool(s, &mcp.Tool{Name: "greet", Description: "says hello"}, func(context.Context, *mcp.CallToolRequest, struct {
		Name string `json:"name"`
	},
	) (*mcp.CallToolResult, any, error) {
		return nil, nil, nil
	})
	s.AddPrompt(&mcp.Prompt{Name: "ask"}, nil)
	s.AddResource(&mcp.Resource{URI: "file:///a", Name: "a"}, nil)
	s.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "file:///{x}", Name: "x"}, nil)
	return s
}

// check compares with what sdkServer is.
func check(t *testing.T, o observation.Observation, said spoken, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if said.era != Discover || said.version != "2026-07-28" || o.ProtocolVersions[0] != "2026-07-28" || len(said.problems) > 0 {
		t.Errorf("got %+v of %v", said, o.ProtocolVersions)
	}
	if o.Server.Name != "new" || o.Server.Version != "2" || o.Instructions != "hello" {
		t.Errorf("got %+v", o.Server)
	}
	if len(o.Tools) != 1 || len(o.Prompts) != 1 || len(o.Resources) != 1 || o.Resources[0].Key != "file:///a" || o.Templates[0].Key != "file:///{x}" {
		t.Errorf("got %+v", o)
	}
}

func TestTheNewEraIsSpokenWithServersThatKnowIt(t *testing.T) {
	t.Parallel()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() { _ = sdkServer().Run(t.Context(), &mcp.IOTransport{Reader: inR, Writer: outW}) }()
	log := newTranscript(time.Now())
	o, said, err := observe(t.Context(), &stdio{in: inW, out: outR, log: log}, log, current)
	check(t, o, said, err)
	inR, inW = io.Pipe()
	outR, outW = io.Pipe()
	go func() { _ = sdkServer().Run(t.Context(), &mcp.IOTransport{Reader: inR, Writer: outW}) }()
	log = newTranscript(time.Now())
	o, said, err = observe(t.Context(), &stdio{in: inW, out: outR, log: log}, log, initializeOnly)
	if err != nil || said.era != Initialize || said.version != "2025-11-25" || len(o.Tools) != 1 {
		t.Errorf("got %+v, %+v, %v", o, said, err)
	}
}

func TestServersOverHTTP(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]*mcp.StreamableHTTPOptions{"events": {}, "JSON": {JSONResponse: true}, "stateless": {Stateless: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return sdkServer() }, options))
			defer web.Close()
			log := newTranscript(time.Now())
			o, said, err := observe(t.Context(), overHTTP(web.URL, web.Client().Transport, log), log, current)
			if name == "stateless" {
				check(t, o, said, err)
			} else if err != nil || said.era != Initialize || o.ProtocolVersions[0] != "2025-11-25" || len(o.Resources) != 1 {
				t.Errorf("got %+v, %+v, %v", o, said, err)
			}
			log = newTranscript(time.Now())
			o, said, err = observe(t.Context(), overHTTP(web.URL, web.Client().Transport, log), log, initializeOnly)
			if err != nil || said.version != "2025-11-25" || len(o.Tools) != 1 {
				t.Errorf("got %+v, %+v, %v", o, said, err)
			}
		})
	}
}

func TestALittleNoiseIsCounted(t *testing.T) {
	t.Parallel()
	o, _, log, err := ask(t, legacy(nil), func(string) string { return "starting…\n\n{\"level\":\"info\"}\n[1]\n" })
	var r Report
	log.fill(&r)
	if err != nil || len(o.Tools) != 1 || r.Noise < 9 || !strings.HasPrefix(r.NoiseExcerpt, "starting…\n{") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestRequestsToTheClientAreAnswered(t *testing.T) {
	t.Parallel()
	o, _, _, err := ask(t, legacy(nil), func(method string) string {
		if method != "tools/list" {
			return ""
		}
		return `{"jsonrpc":"2.0","id":"p","method":"ping"}` + "\n" + `[{"jsonrpc":"2.0","id":1,"method":"roots/list"},{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}]` + "\n"
	})
	if err != nil || len(o.Tools) != 1 {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestUndeclaredToolsAreSeen(t *testing.T) {
	t.Parallel()
	o, said, _, err := ask(t, legacy(map[string]string{"initialize": `{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"n","version":"1"}}`}), nil)
	if err != nil || len(o.Tools) != 1 || len(said.problems) != 1 {
		t.Errorf("got %+v, %+v, %v", o, said, err)
	}
}
