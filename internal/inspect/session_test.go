package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"net/http"

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
		text := ""
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

func TestHostileAnswersOverHTTP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind, answer string
		want         Reason
	}{
		"duplicate members": {"application/json", `{"jsonrpc":"2.0","id":%s,"result":{"tools":[],"tools":[]}}`, InvalidJSON},
		"in an event":       {"text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"id\":1}\n\n", InvalidJSON},
		"endless event":     {"text/event-stream", "data: " + strings.Repeat("x", 17<<20) + "%s", TooLarge},
		"large answer":      {"application/json", strings.Repeat(" ", 17<<20) + "%s", TooLarge},
		"web page":          {"text/html", "<p>%s", ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var m struct{ ID json.RawMessage }
				_ = json.NewDecoder(r.Body).Decode(&m)
				w.Header().Set("Content-Type", test.kind)
				_, _ = fmt.Fprintf(w, test.answer, m.ID)
			}))
			defer web.Close()
			log := newTranscript(time.Now())
			_, _, err := observe(t.Context(), overHTTP(web.URL, web.Client().Transport, log), log, current)
			wantReason(t, err, test.want)
		})
	}
}

func wantReason(t *testing.T, err error, want Reason) {
	t.Helper()
	var failure *Failure
	if !errors.As(err, &failure) || failure.Reason != want {
		t.Errorf("got %v, want %s", err, want)
		return
	}
	if !strings.HasPrefix(failure.Detail, "The server") || len(failure.Detail) > 2000 {
		t.Errorf("not a sentence: %s", failure.Detail)
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	list := func(result string) server { return legacy(map[string]string{"tools/list": result}) }
	print := func(text string) func(string) string {
		return func(method string) string {
			if method == "tools/list" {
				return text
			}
			return ""
		}
	}
	for name, test := range map[string]struct {
		server server
		before func(string) string
		want   Reason
	}{
		"duplicate name":       {list(`{"tools":[` + tool("a") + `,` + tool("a") + `]}`), nil, DuplicateName},
		"duplicate on a page":  {list(`{"tools":[` + tool("a") + `],"nextCursor":"x"}`), nil, DuplicateName},
		"empty name":           {list(`{"tools":[` + tool("") + `]}`), nil, EmptyName},
		"name in other case":   {list(`{"tools":[{"Name":"a","inputSchema":{"type":"object"}}]}`), nil, EmptyName},
		"circle of pages":      {list(`{"tools":[],"nextCursor":"x"}`), nil, EndlessPages},
		"no list":              {list(`{"tools":{}}`), nil, ProtocolError},
		"no object":            {list(`7`), nil, ProtocolError},
		"error":                {list(`!{"code":-32603,"message":"need a key"}`), nil, ProtocolError},
		"two members":          {list(`{"tools":[],"tools":[]}`), nil, InvalidJSON},
		"two escaped members":  {list(`{"tools":[],"\u0074ools":[]}`), nil, InvalidJSON},
		"broken JSON":          {list(`{"tools":[}`), nil, InvalidJSON},
		"deep nesting":         {list(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), nil, InvalidJSON},
		"invalid UTF-8":        {list("{\"tools\":[\"\xff\"]}"), nil, InvalidUTF8},
		"long line":            {legacy(nil), print(strings.Repeat("x", 17<<20)), TooLarge},
		"50 MB answer":         {list(`{"tools":[` + strings.Repeat(" ", 50<<20) + `]}`), nil, TooLarge},
		"much noise":           {legacy(nil), print(strings.Repeat("log line\n", 300)), Noise},
		"endless notification": {legacy(nil), print(strings.Repeat(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`+"\n", 30_000)), Flood},
		"much in all":          {legacy(nil), print(strings.Repeat(strings.Repeat(" ", 8<<20)+"\n", 9)), Flood},
		"unknown version":      {legacy(map[string]string{"initialize": `{"protocolVersion":"1999-01-01","capabilities":{},"serverInfo":{"name":"n","version":"1"}}`}), nil, ProtocolError},
		"refused handshake":    {legacy(map[string]string{"initialize": `!{"code":1,"message":"set API_KEY"}`}), nil, ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := ask(t, test.server, test.before)
			wantReason(t, err, test.want)
		})
	}
}

func TestAClosedOutputEndsTheSession(t *testing.T) {
	t.Parallel()
	outR, outW := io.Pipe()
	inR, inW := io.Pipe()
	go func() { _, _ = io.Copy(io.Discard, inR) }()
	_ = outW.Close()
	log := newTranscript(time.Now())
	_, _, err := observe(t.Context(), &stdio{in: inW, out: outR, log: log}, log, current)
	wantReason(t, err, Died)
}

func TestEndlessPagesEnd(t *testing.T) {
	t.Parallel()
	n := 0
	_, _, _, err := ask(t, func(method, cursor string) string {
		if method == "tools/list" {
			n++
			return fmt.Sprintf(`{"tools":[%s],"nextCursor":"%d"}`, tool(fmt.Sprint(n)), n)
		}
		return legacy(nil)(method, cursor)
	}, nil)
	wantReason(t, err, EndlessPages)
	if n != maxPages {
		t.Errorf("%d pages were asked for", n)
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

func TestHangsAreCutShort(t *testing.T) {
	t.Parallel()
	for method, within := range map[string]time.Duration{"initialize": answerWithin, "tools/list": answerWithin} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			_, _, _, err := ask(t, legacy(map[string]string{method: ""}), nil)
			wantReason(t, err, Hang)
			if took := time.Since(began); took < within || took > within+10*time.Second || !strings.Contains(fmt.Sprint(err), method) {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		o, said, _, err := ask(t, legacy(map[string]string{"server/discover": ""}), nil)
		if err != nil || len(o.Tools) != 1 || len(said.problems) != 1 || said.era != Initialize {
			t.Errorf("got %+v, %+v, %v", o, said, err)
		}
	})
}

func FuzzStrict(f *testing.F) {
	f.Add([]byte(`{"a":[{"a":1},{"a":{}}],"b":"a"}`))
	f.Add([]byte(`{"a":1,"\u0061":2}`))
	f.Add([]byte(`[}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strict(text) != nil || !json.Valid(text) {
			return
		}
		// What is read once and written again has as many members: none has hidden another.
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return
		}
		names := 0
		dec := json.NewDecoder(strings.NewReader(string(text)))
		count(t, dec, &names)
		if got := members(value); got != names {
			t.Errorf("%d members were read of %d: %s", got, names, text)
		}
	})
}

func members(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		n = len(v)
		for _, m := range v {
			n += members(m)
		}
	case []any:
		for _, m := range v {
			n += members(m)
		}
	}
	return n
}

// count reads one value and adds the number of members in it.
func count(t *testing.T, dec *json.Decoder, n *int) {
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		for dec.More() {
			if _, err := dec.Token(); err != nil {
				t.Fatal(err)
			}
			*n++
			count(t, dec, n)
		}
	case json.Delim('['):
		for dec.More() {
			count(t, dec, n)
		}
	default:
		return
	}
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
}
