package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
	printing := func(text string) func(string) string {
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
		"long line":            {legacy(nil), printing(strings.Repeat("x", 17<<20)), TooLarge},
		"50 MB answer":         {list(`{"tools":[` + strings.Repeat(" ", 50<<20) + `]}`), nil, TooLarge},
		"much noise":           {legacy(nil), printing(strings.Repeat("log line\n", 300)), Noise},
		"endless notification": {legacy(nil), printing(strings.Repeat(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`+"\n", 11_000)), Flood},
		"much in all":          {legacy(nil), printing(strings.Repeat(strings.Repeat(" ", 8<<20)+"\n", 9)), Flood},
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
			return fmt.Sprintf(`{"tools":[%s],"nextCursor":"%d"}`, tool(strconv.Itoa(n)), n)
		}
		return legacy(nil)(method, cursor)
	}, nil)
	wantReason(t, err, EndlessPages)
	if n != maxPages {
		t.Errorf("%d pages were asked for", n)
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
