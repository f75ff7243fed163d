package observation_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/observation"
)

func definition(t *testing.T, text string) observation.Definition {
	t.Helper()
	d, err := observation.Define(json.RawMessage(text), "name")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEncodeIsCanonical(t *testing.T) {
	t.Parallel()
	o := observation.Observation{
		Server:           observation.Implementation{Name: "s", Version: "1"},
		ProtocolVersions: []string{"2025-11-25"},
		Tools: []observation.Definition{
			definition(t, `{"name":"b","x-unknown":{"z":1,"a":1.50}}`),
			definition(t, `{"description":"<a> & b","name":"a"}`),
		},
	}
	got, err := observation.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "protocolVersions": [
    "2025-11-25"
  ],
  "server": {
    "name": "s",
    "version": "1"
  },
  "tools": [
    {
      "description": "<a> & b",
      "name": "a"
    },
    {
      "name": "b",
      "x-unknown": {
        "a": 1.50,
        "z": 1
      }
    }
  ]
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Fatal(diff)
	}
	back, err := observation.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	again, err := observation.Encode(back)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, again) {
		t.Fatalf("a second encoding differs:\n%s", cmp.Diff(string(got), string(again)))
	}
}

func TestEncodeShowsInvisibleCharacters(t *testing.T) {
	t.Parallel()
	hidden := "a\u200bb\u202ec\U000e0041d\u00ade"
	text, _ := json.Marshal(map[string]string{"name": "t", "description": hidden})
	got, err := observation.Encode(observation.Observation{Tools: []observation.Definition{definition(t, string(text))}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range "\u200b\u202e\U000e0041\u00ad" {
		if strings.ContainsRune(string(got), r) {
			t.Errorf("%U stands in the file unescaped", r)
		}
	}
	if want := `a\u200bb\u202ec\udb40\udc41d\u00ade`; !strings.Contains(string(got), want) {
		t.Errorf("want %s in\n%s", want, got)
	}
	back, err := observation.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	var tool struct{ Description string }
	if err := json.Unmarshal(back.Tools[0].JSON, &tool); err != nil {
		t.Fatal(err)
	}
	if tool.Description != hidden {
		t.Errorf("description came back as %q", tool.Description)
	}
}

func TestKeysFollowTheList(t *testing.T) {
	t.Parallel()
	o, err := observation.Decode(strings.NewReader(`{"server":{"name":"s","version":"1"},"protocolVersions":[],
		"tools":[{"name":"a","uri":"x:1","NAME":"b"}],"resources":[{"name":"r","uri":"x:2"}],"resourceTemplates":[{"name":"t","uriTemplate":"x:{y}"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{o.Tools[0].Key, o.Resources[0].Key, o.Templates[0].Key}
	if diff := cmp.Diff([]string{"a", "x:2", "x:{y}"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAuthenticationIsKept(t *testing.T) {
	t.Parallel()
	o := observation.Observation{Auth: &observation.Auth{
		Schemes: []string{"bearer"}, Resource: "https://mcp.example.com/mcp",
		Servers: []observation.AuthorizationServer{{Issuer: "https://b.example.com", GrantTypes: []string{"refresh_token"}}, {Issuer: "https://a.example.com"}},
	}}
	text, err := observation.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	back, err := observation.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o.Auth, back.Auth); diff != "" {
		t.Error(diff)
	}
	old, err := observation.Decode(strings.NewReader(`{"server":{"name":"s","version":"1"},"protocolVersions":[],"tools":[]}`))
	if err != nil || old.Auth != nil {
		t.Errorf("got %+v, %v", old, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown member":  `{"server":{"name":"s","version":"1"},"protocolVersions":[],"tools":[],"extra":1}`,
		"second value":    `{"server":{"name":"s","version":"1"},"protocolVersions":[],"tools":[]} {}`,
		"unknown of auth": `{"server":{"name":"s","version":"1"},"protocolVersions":[],"tools":[],"auth":{"token":"x"}}`,
		"not an object":   `[]`,
		"cut short":       `{"server":`,
		"nameless tool":   `{"server":{"name":"s","version":"1"},"protocolVersions":[],"tools":[{"Name":"a"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := observation.Decode(strings.NewReader(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"server":{"name":"s","version":"1"},"protocolVersions":["2026-07-28"],"tools":[{"name":"a"}],"resources":[{"uri":"x:y"}]}`))
	f.Add([]byte(`{"tools":[{"name":"\u202e\udb40"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := observation.Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		first, err := observation.Encode(o)
		if err != nil {
			return
		}
		back, err := observation.Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("own output refused: %v\n%s", err, first)
		}
		second, err := observation.Encode(back)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("not canonical:\n%s\n%s", first, second)
		}
	})
}
