package attest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	provenancepb "github.com/in-toto/attestation/go/predicates/provenance/v1"
	scaipb "github.com/in-toto/attestation/go/predicates/scai/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	noon    = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	about   = Subject{Name: "example.com/npx/time", Digest: "sha256:" + strings.Repeat("1", 64)}
	builder = Builder{ID: "https://example.com/slipway", Version: "v0.1.0"}
)

func testBuild(at time.Time) Build {
	return Build{
		Entry: "npx/time", Package: "time-mcp", Version: "1.2.3",
		Catalog: Source{Repository: "https://example.com/catalog", Commit: strings.Repeat("c", 40)},
		Base:    "node", BaseLock: "sha256:" + strings.Repeat("2", 64), Builder: builder,
		Materials: []Material{
			{URI: "pkg:npm/zod@4.0.0", Digest: "sha512:" + strings.Repeat("a", 128)},
			{URI: "pkg:deb/debian/libc6@2.41-12?arch=amd64", Digest: "sha256:" + strings.Repeat("b", 64)},
			{Name: "package-lock.json", Digest: "sha256:" + strings.Repeat("d", 64)},
			{URI: "pkg:npm/zod@4.0.0", Digest: "sha512:" + strings.Repeat("a", 128)},
		},
		Invocation: "run-" + at.Format("150405"), Started: at, Finished: at.Add(3 * time.Second),
	}
}

func testAssessment(at time.Time) Assessment {
	found := finding.Finding{
		Scanner: "builtin", Version: "1", Rule: "hidden-unicode", Severity: finding.High,
		Target: "tool/now", Message: "A <hidden> character.", Fingerprint: "ff",
	}
	waiver := &entry.Waiver{Fingerprint: "ff", Rule: "hidden-unicode", Owner: "ann", Reason: "an emoji", Expires: "2027-01-01"}
	lower := found
	lower.Severity, lower.Fingerprint = finding.Low, "aa"
	return Assessment{
		Pass: true, Scanners: []Scanner{{"second", "2"}, {"builtin", "1"}},
		Findings: []Judged{
			{Finding: found, Disposition: "waived", Waiver: waiver},
			{Finding: lower, Disposition: "below threshold"},
		},
		Platforms: []Platform{
			{Name: "linux/arm64", Digest: "sha256:" + strings.Repeat("4", 64), Size: 62_000_001},
			{Name: "linux/amd64", Digest: "sha256:" + strings.Repeat("3", 64), Size: 61_000_000, Booted: true},
		},
		FirstToolList: 400*time.Millisecond + time.Duration(at.Hour())*time.Millisecond, Finished: at,
		Report:   Evidence{Name: "scan.sarif", MediaType: "application/sarif+json", Digest: "sha256:" + strings.Repeat("5", 64)},
		Tools:    Evidence{Name: "tools.json", MediaType: "application/json", Digest: "sha256:" + strings.Repeat("6", 64)},
		Producer: builder,
	}
}

const spdxDocument = `{"spdxVersion": "SPDX-2.3", "creationInfo": {"created": "TIME", "creators": ["Tool: slipway"]},
	"packages": [{"size": 12345678901234567890}]}`

// all makes one statement of each sort at a time.
func all(t testing.TB, at time.Time) map[string]Statement {
	t.Helper()
	made := map[string]Statement{}
	var err error
	made["provenance"], err = Provenance(about, testBuild(at))
	check(t, err)
	made["scai"], err = SCAI(about, testAssessment(at))
	check(t, err)
	made["spdx"], err = SPDX(about, []byte(strings.ReplaceAll(spdxDocument, "TIME", at.Format(time.RFC3339))))
	check(t, err)
	made["signed"], err = Signed(about)
	check(t, err)
	return made
}

func TestStatementsAreGolden(t *testing.T) {
	t.Parallel()
	for name, s := range all(t, noon) {
		var got bytes.Buffer
		check(t, json.Indent(&got, s.JSON, "", "  "))
		got.WriteByte('\n')
		file := filepath.Join("testdata", name+".json")
		if *update {
			check(t, os.WriteFile(file, got.Bytes(), 0o644))
		}
		want, err := os.ReadFile(file)
		check(t, err)
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s differs from %s:\n%s", name, file, got.Bytes())
		}
	}
}

// TestStatementsAreStandard reads every statement with in-toto's own types, which refuse unknown members, and lets them validate it.
func TestStatementsAreStandard(t *testing.T) {
	t.Parallel()
	predicates := map[string]interface {
		proto.Message
		Validate() error
	}{"provenance": &provenancepb.Provenance{}, "scai": &scaipb.AttributeReport{}}
	for name, s := range all(t, noon) {
		var statement intoto.Statement
		check(t, protojson.Unmarshal(s.JSON, &statement))
		check(t, statement.Validate())
		if predicate, ok := predicates[name]; ok {
			raw, err := protojson.Marshal(statement.GetPredicate())
			check(t, err)
			check(t, protojson.Unmarshal(raw, predicate))
			if err := predicate.Validate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestIdentityLeavesOutTimesOnly(t *testing.T) {
	t.Parallel()
	later := all(t, noon.Add(5*time.Hour))
	for name, s := range all(t, noon) {
		first, err := s.Identity()
		check(t, err)
		second, err := later[name].Identity()
		check(t, err)
		if first != second {
			t.Errorf("%s: another time is another identity", name)
		}
		if name != "signed" && bytes.Equal(s.JSON, later[name].JSON) {
			t.Errorf("%s does not hold the time", name)
		}
	}
	assessment := testAssessment(noon)
	assessment.Pass = false
	failed, err := SCAI(about, assessment)
	check(t, err)
	build := testBuild(noon)
	build.Version = "1.2.4"
	newer, err := Provenance(about, build)
	check(t, err)
	for name, s := range map[string]Statement{"scai": failed, "provenance": newer} {
		one, err := s.Identity()
		check(t, err)
		two, err := later[name].Identity()
		check(t, err)
		if one == two {
			t.Errorf("%s: another content is the same identity", name)
		}
	}
}

func TestTheOrderOfFactsDoesNotMatter(t *testing.T) {
	t.Parallel()
	build, assessment := testBuild(noon), testAssessment(noon)
	slices.Reverse(build.Materials)
	slices.Reverse(assessment.Findings)
	slices.Reverse(assessment.Platforms)
	slices.Reverse(assessment.Scanners)
	p, err := Provenance(about, build)
	check(t, err)
	s, err := SCAI(about, assessment)
	check(t, err)
	made := all(t, noon)
	if !bytes.Equal(p.JSON, made["provenance"].JSON) || !bytes.Equal(s.JSON, made["scai"].JSON) {
		t.Error("the same facts in another order made other bytes")
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, pass := range []bool{true, false} {
		a := testAssessment(noon)
		a.Pass = pass
		s, err := SCAI(about, a)
		check(t, err)
		v, err := ReadVerdict(s)
		check(t, err)
		if v.Pass != pass || !v.Finished.Equal(noon) {
			t.Errorf("%+v", v)
		}
	}
	passed := all(t, noon)["scai"]
	for name, change := range map[string]func(string) string{
		"two summaries":  func(s string) string { return strings.Replace(s, Observed, ScanPassed, 1) },
		"none":           func(s string) string { return strings.Replace(s, ScanPassed, "OTHER", 1) },
		"no attributes":  func(string) string { return `{"predicate":{}}` },
		"another format": func(string) string { return `{"predicate":{"attributes":7}}` },
	} {
		s := passed
		s.JSON = []byte(change(string(passed.JSON)))
		if v, err := ReadVerdict(s); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	contradiction := passed
	contradiction.JSON = bytes.Replace(passed.JSON, []byte(`"verdict":"pass"`), []byte(`"verdict":"fail"`), 1)
	if v, err := ReadVerdict(contradiction); err != nil || v.Pass {
		t.Errorf("%+v %v", v, err)
	}
}

func TestInputThatCannotBeStated(t *testing.T) {
	t.Parallel()
	nameless := testBuild(noon)
	nameless.Materials[0].Digest = ""
	invalid := testAssessment(noon)
	invalid.Findings[0].Message = "\xff"
	for want, state := range map[string]func() (Statement, error){
		"has no digest": func() (Statement, error) { return Provenance(about, nameless) },
		"UTF-8":         func() (Statement, error) { return SCAI(about, invalid) },
		"SPDX-2.x":      func() (Statement, error) { return SPDX(about, []byte(`{}`)) },
		"SPDX document": func() (Statement, error) { return SPDX(about, []byte(`[]`)) },
		"64 hex digits": func() (Statement, error) { return Signed(Subject{Name: "x", Digest: "sha256:12"}) },
	} {
		if _, err := state(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected it to say %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range all(f, noon) {
		f.Add(s.JSON)
	}
	f.Add([]byte(`{"_type":"` + StatementType + `","subject":[{"digest":{}}],"predicateType":"x","predicate":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if !sha256Digest.MatchString(s.Subject.Digest) || s.PredicateType == "" {
			t.Errorf("accepted %+v", s)
		}
		if _, err := s.Identity(); err != nil {
			t.Errorf("a statement that can be read has no identity: %v", err)
		}
		_, _ = ReadVerdict(s)
	})
}
